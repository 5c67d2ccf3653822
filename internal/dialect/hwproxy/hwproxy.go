// Package hwproxy speaks Odoo's hw_proxy, the JSON-RPC of its IoT box: receipts
// come as one picture, the drawer as an action, scans by a long poll.
//
// Source: Odoo's point of sale and IoT box, and the modules of its community.
package hwproxy

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"tilld/device"
	"tilld/display"
	"tilld/internal/dialect"
	"tilld/internal/till"
)

// printTime is how long an answer to a print may take.
const printTime = 10 * time.Second

// Config is what an operator sets.
type Config struct {
	Listen  string
	Origins []string
}

// Server is the dialect.
type Server struct {
	desk    *dialect.Desk
	cfg     Config
	guard   dialect.Guard
	scanner reader
}

// New returns the dialect.
func New(d *dialect.Desk, cfg Config) *Server {
	s := &Server{desk: d, cfg: cfg, guard: dialect.Guard{Origins: cfg.Origins}}
	s.scanner.desk = d
	return s
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	defer s.scanner.end()
	dialect.Listen(ctx, s.desk, "hwproxy", s.cfg.Listen, func(ctx context.Context, l net.Listener) error {
		return dialect.ServeHTTP(ctx, l, s, s.desk.Log)
	})
	return nil
}

// call is a JSON-RPC 2.0 request.
type call struct {
	Params json.RawMessage `json:"params"`
	ID     json.RawMessage `json:"id"`
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	peer, ok := s.guard.Peer(r)
	switch {
	case !ok:
		s.desk.Log.Warn("request refused", "dialect", "hwproxy", "peer", peer)
		http.Error(w, "this origin is not in dialects.hwproxy.allowed_origins", http.StatusForbidden)
		return
	case s.guard.CORS(w, r, "GET, POST, OPTIONS", "content-type"):
		return
	case r.URL.Path == "/hw_proxy/hello" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, "ping")
		return
	case !strings.HasPrefix(r.URL.Path, "/hw_proxy/"):
		http.NotFound(w, r)
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "POST, OPTIONS")
		http.Error(w, "POST a JSON-RPC call", http.StatusMethodNotAllowed)
		return
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		http.Error(w, "the body must be application/json", http.StatusUnsupportedMediaType)
		return
	}
	c, err := read(http.MaxBytesReader(w, r.Body, dialect.MaxBody))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		http.Error(w, "the body is too large", http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		reply(w, nil, nil, "the body is no JSON-RPC call")
		return
	}
	s.route(w, r, peer, c)
}

// read takes the parameters of a call; a bare object stands for itself.
func read(body io.Reader) (c call, err error) {
	data, err := io.ReadAll(body)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, err
	}
	if len(c.Params) == 0 || string(c.Params) == "null" {
		c.Params = json.RawMessage("{}")
	}
	return c, nil
}

func (s *Server) route(w http.ResponseWriter, r *http.Request, peer string, c call) {
	ctx := r.Context()
	switch strings.TrimPrefix(r.URL.Path, "/hw_proxy/") {
	case "handshake", "log":
		reply(w, c.ID, true, "")
	case "status_json":
		reply(w, c.ID, s.status(), "")
	case "default_printer_action":
		ok, why := s.action(ctx, peer, c.Params)
		reply(w, c.ID, ok, why)
	case "open_cashbox":
		reply(w, c.ID, s.kick(ctx, peer), "")
	case "scanner":
		code, seq := s.scanner.poll(ctx, owner(r))
		if !reply(w, c.ID, code, "") {
			s.scanner.undelivered(owner(r), seq)
		}
	case "send_text_customer_display":
		reply(w, c.ID, s.show(ctx, c.Params), "")
	case "print_xml_receipt":
		reply(w, c.ID, nil, "receipts in XML are not supported: send them as pictures (Odoo 13 and later do)")
	default:
		reply(w, c.ID, nil, "not supported by tilld")
	}
}

// reply sends a result, or what is wrong; false when the client is gone.
func reply(w http.ResponseWriter, id json.RawMessage, result any, wrong string) bool {
	answer := map[string]any{"jsonrpc": "2.0", "id": id, "result": result}
	if wrong != "" {
		delete(answer, "result")
		answer["error"] = map[string]any{"code": 200, "message": wrong}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		panic("hwproxy: " + err.Error()) // an id that was read as JSON, and our own types
	}
	w.Header().Set("Content-Type", "application/json")
	if _, err := w.Write(body); err != nil {
		return false
	}
	return http.NewResponseController(w).Flush() == nil
}

// driver is how a part stands, in Odoo's words.
type driver struct {
	Status   string `json:"status"`
	Messages string `json:"messages"`
}

func (s *Server) status() map[string]driver {
	all := map[string]driver{"printer": {Status: "disconnected", Messages: "no printer"}}
	if p, ok := s.desk.State(s.desk.Default()); ok {
		d := driver{Status: "connected"}
		if p.State != device.Ready {
			d.Status = "disconnected"
		}
		if cause := dialect.TroubleOf(p); cause != dialect.Printed {
			d.Messages = string(cause)
		}
		all["printer"] = d
	}
	if len(s.desk.Scanners) > 0 {
		all["scanner"] = driver{Status: "connected"}
	}
	return all
}

// action prints a picture or opens the drawer.
func (s *Server) action(ctx context.Context, peer string, params json.RawMessage) (done bool, why string) {
	var p struct {
		Data struct {
			Action   string `json:"action"`
			Receipt  string `json:"receipt"`
			UniqueID string `json:"action_unique_id"`
		} `json:"data"`
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return false, "data is no action"
	}
	switch p.Data.Action {
	case "cashbox":
		return s.kick(ctx, peer), ""
	case "print_receipt":
	default:
		return false, "no such action"
	}
	name := s.desk.Default()
	doc, warn, err := receipt(p.Data.Receipt, s.desk.Caps(name).Dots)
	if err != nil {
		s.desk.Log.Warn("receipt refused", "dialect", "hwproxy", "peer", peer, "err", err)
		return false, ""
	}
	if warn != "" {
		s.desk.Log.Warn("receipt", "dialect", "hwproxy", "peer", peer, "err", warn)
	}
	ctx, cancel := context.WithTimeout(ctx, printTime)
	defer cancel()
	r, err := s.desk.Print(ctx, dialect.Job{
		ForeignJob: till.ForeignJob{Dialect: "hwproxy", Printer: name, ID: p.Data.UniqueID, Doc: doc}, Peer: peer,
	})
	if err != nil {
		s.desk.Log.Error("job not taken", "dialect", "hwproxy", "err", err)
		return false, ""
	}
	if r.Cause != dialect.Printed {
		s.desk.Log.Warn("not printed", "dialect", "hwproxy", "job", r.JobID, "err", string(r.Cause))
	}
	return r.Cause == dialect.Printed, ""
}

func (s *Server) kick(ctx context.Context, peer string) bool {
	if err := s.desk.Kick(ctx, "hwproxy", peer, ""); err != nil {
		s.desk.Log.Warn("the cash drawer did not open", "dialect", "hwproxy", "peer", peer, "err", err)
		return false
	}
	return true
}

// show puts two lines of text on the customer's displays while no sale is open
// here; the lines come as JSON inside of a string.
func (s *Server) show(ctx context.Context, params json.RawMessage) bool {
	var p struct {
		Text string `json:"text_to_display"`
	}
	var lines []string
	if json.Unmarshal(params, &p) != nil || len(p.Text) > 4096 || json.Unmarshal([]byte(p.Text), &lines) != nil || len(lines) == 0 {
		return false
	}
	scene := display.Scene{Kind: display.Message, Title: strings.TrimSpace(lines[0])}
	if len(lines) > 1 {
		scene.Text = strings.TrimSpace(strings.Join(lines[1:], " "))
	}
	_, err := s.desk.Engine.Do(ctx, till.Call{Origin: "dialect hwproxy"}, till.ShowScene{Scene: scene})
	return err == nil
}

// owner is who polls: a page by its origin, else a program.
func owner(r *http.Request) string {
	if o := r.Header.Get("Origin"); o != "" {
		return o
	}
	return "a program"
}
