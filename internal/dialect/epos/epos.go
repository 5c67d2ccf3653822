// Package epos speaks Epson's ePOS-Print XML, as POS pages in a browser send it
// to a network printer (Odoo's "ePos printer", the vendor's JavaScript SDK). The
// answer comes when it is known whether the receipt is on paper, or when the
// client is about to give up.
//
// Source: Epson ePOS-Print XML User's Manual M00048210, and what its clients send.
package epos

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tilld/internal/dialect"
	"tilld/internal/till"
	"tilld/printer"
)

const (
	path = "/cgi-bin/epos/service.cgi"
	// silentWait is for clients that do not say how long they wait: Odoo aborts
	// after 15 s.
	silentWait = 14 * time.Second
	// early is how long before a client gives up it is answered.
	early = time.Second
	// maxWait is the longest timeout a client can ask for.
	maxWait = 300 * time.Second
	// local is the printer's name in a client that knows only one.
	local = "local_printer"
)

// Config is what an operator sets.
type Config struct {
	Listen  string
	Origins []string
}

// Server is the dialect.
type Server struct {
	desk  *dialect.Desk
	cfg   Config
	guard dialect.Guard
}

// New returns the dialect.
func New(d *dialect.Desk, cfg Config) *Server {
	return &Server{desk: d, cfg: cfg, guard: dialect.Guard{Origins: cfg.Origins}}
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	dialect.Listen(ctx, s.desk, "epos", s.cfg.Listen, func(ctx context.Context, l net.Listener) error {
		return dialect.ServeHTTP(ctx, l, s, s.desk.Log)
	})
	return nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	peer, ok := s.guard.Peer(r)
	switch {
	case !ok:
		s.desk.Log.Warn("request refused", "dialect", "epos", "peer", peer)
		http.Error(w, "this origin is not in dialects.epos.allowed_origins", http.StatusForbidden)
		return
	case s.guard.CORS(w, r, "POST, OPTIONS", "content-type, if-modified-since, soapaction"):
		return
	case r.URL.Path != path:
		http.NotFound(w, r)
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "POST, OPTIONS")
		http.Error(w, "POST a document", http.StatusMethodNotAllowed)
		return
	}
	began := time.Now()
	req, err := parse(http.MaxBytesReader(w, r.Body, dialect.MaxBody))
	if err != nil {
		code := "SchemaError"
		if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
			code = "RequestEntityTooLarge"
		}
		s.desk.Log.Warn("document refused", "dialect", "epos", "peer", peer, "err", err)
		answer(w, response{Code: code, Status: noResponse})
		return
	}
	q := r.URL.Query()
	if req.devID == "" {
		req.devID = q.Get("devid")
	}
	if req.timeout == "" {
		req.timeout = q.Get("timeout")
	}
	ctx, cancel := context.WithDeadline(r.Context(), began.Add(wait(req.timeout)))
	defer cancel()
	answer(w, s.do(ctx, peer, req))
}

// wait is how long the answer may take.
func wait(timeout string) time.Duration {
	ms, err := strconv.Atoi(strings.TrimSpace(timeout))
	if err != nil || ms <= 0 {
		return silentWait
	}
	return max(min(time.Duration(ms)*time.Millisecond, maxWait)-early, early)
}

// do prints, or says how things stand.
func (s *Server) do(ctx context.Context, peer string, req request) response {
	name := req.devID
	if name == "" || name == local {
		name = s.desk.Default()
	}
	state, ok := s.desk.State(name)
	if !ok {
		return response{Code: "DeviceNotFound", Status: noResponse}
	}
	if len(req.jobID) > 64 || strings.ContainsFunc(req.jobID, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return response{Code: "SchemaError", Status: noResponse}
	}
	if req.empty() {
		return s.query(state, req.jobID)
	}
	r, err := s.desk.Print(ctx, dialect.Job{
		ForeignJob: till.ForeignJob{Dialect: "epos", Printer: name, ID: req.jobID, Doc: req.doc, Raw: req.raw},
		Peer:       peer, Kicks: req.kicks,
	})
	if err != nil {
		s.desk.Log.Error("job not taken", "dialect", "epos", "err", err)
		return response{Code: "EX_SPOOLER", Status: statusBits(state), JobID: req.jobID}
	}
	if state, ok = s.desk.State(name); !ok {
		state = till.PrinterState{}
	}
	return result(r, state, req.jobID)
}

// query answers an empty document: what became of a job, or how the printer is.
func (s *Server) query(state till.PrinterState, jobID string) response {
	if jobID == "" {
		cause := dialect.TroubleOf(state)
		return response{Success: cause == dialect.Printed, Code: codeOf(cause), Status: statusBits(state)}
	}
	j, err := s.desk.Engine.ForeignJobNamed("epos", state.Name, jobID)
	switch {
	case err != nil:
		return response{Code: "JobNotFound", Status: statusBits(state), JobID: jobID}
	case j.Outcome == printer.Queued:
		return response{Code: "Printing", Status: statusBits(state), JobID: jobID}
	case j.Outcome == printer.Uncertain:
		return response{Code: "EX_TIMEOUT", Status: statusBits(state), JobID: jobID}
	case j.Outcome == printer.Failed:
		return response{Code: "PrintSystemError", Status: statusBits(state), JobID: jobID}
	}
	return response{Success: true, Status: statusBits(state) | printSuccess, JobID: jobID}
}

// result is the answer to a job.
func result(r dialect.Result, state till.PrinterState, jobID string) response {
	out := response{Success: r.Cause == dialect.Printed, Code: codeOf(r.Cause), Status: statusBits(state), JobID: jobID}
	switch {
	case out.Success:
		out.Status |= printSuccess
	case r.Cause == dialect.Busy && jobID != "":
		out.Code = "Printing"
	}
	return out
}

// response is the one element of an answer.
type response struct {
	Success bool
	Code    string
	Status  uint32
	JobID   string
}

// answer sends it. A job that failed is HTTP 200 with success="false": anything
// else is trouble of the line to these clients.
func answer(w http.ResponseWriter, r response) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	id := ""
	if r.JobID != "" {
		var b strings.Builder
		if err := xml.EscapeText(&b, []byte(r.JobID)); err != nil {
			panic("epos: " + err.Error()) // a strings.Builder takes everything
		}
		id = ` printjobid="` + b.String() + `"`
	}
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?>`+
		`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>`+
		`<response xmlns="http://www.epson-pos.com/schemas/2011/03/epos-print" success="%v" code="%s" status="%d" battery="0"%s/>`+
		`</s:Body></s:Envelope>`, r.Success, r.Code, r.Status, id)
}
