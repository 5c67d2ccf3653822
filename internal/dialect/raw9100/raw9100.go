// Package raw9100 takes printer bytes on TCP ports, one for each printer, as
// network printers do on port 9100 ("JetDirect", AppSocket). A connection is a
// job: it ends when the client closes or falls silent. The bytes go to the paper
// as they are; kicks of the drawer become typed commands or are cut out, and
// questions about the printer's status are answered from memory, at once, also
// while a job is blocked. There is no outcome in this protocol: the spool has it.
package raw9100

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"sync"
	"time"

	"tilld/internal/dialect"
	"tilld/internal/health"
	"tilld/internal/lang"
	"tilld/internal/till"
)

const (
	// afterCut and afterText are how long a client that keeps its connection open
	// may be silent before what it sent is a job.
	afterCut  = 500 * time.Millisecond
	afterText = 3 * time.Second
	// life is how long a job may wait for its printer: it must not come out when
	// nobody remembers it.
	life = 30 * time.Minute
	// maxJob is the longest job.
	maxJob = 4 << 20
	// maxConns bounds the connections to one port.
	maxConns = 32
	// lingering bounds the wait for a client that does not take its answers.
	lingering = 2 * time.Second
)

var (
	condHTTP = health.Kind{
		Code: "raw9100_http", Severity: health.Warning,
		Text:   lang.Text{ZH: "有网页或程序向打印端口 {subject} 发送 HTTP 请求，已拒绝", EN: "A web page or program sent HTTP to the print port {subject}; it was refused"},
		Remedy: lang.Text{ZH: "请检查收银机上打开的网页和程序；打印端口只接受打印数据", EN: "Look at the pages and programs that are open on this machine; the port takes print data only"},
	}
	condLarge = health.Kind{
		Code: "raw9100_refused", Severity: health.Warning,
		Text:   lang.Text{ZH: "打印端口 {subject} 的任务被拒绝：{why}", EN: "A job at the print port {subject} was refused: {why}"},
		Remedy: lang.Text{ZH: "请检查发送打印数据的程序及其打印机型号设置（ESC/POS）", EN: "Look at the program that sent it and the printer model it is set to (ESC/POS)"},
	}
)

// Config is what an operator sets.
type Config struct {
	Listen      string // of the receipt printer; further printers have the ports that follow
	AllowDrawer bool
}

// Server is the dialect.
type Server struct {
	desk *dialect.Desk
	cfg  Config
	// Questions finds status questions, and CutAt the end of a ticket.
	questions func(data []byte, ask func(q []byte)) (rest int)
	cutAt     func(data []byte) bool
}

// New returns the dialect. questions and cutAt read the printers' language.
func New(d *dialect.Desk, cfg Config, questions func([]byte, func([]byte)) int, cutAt func([]byte) bool) *Server {
	return &Server{desk: d, cfg: cfg, questions: questions, cutAt: cutAt}
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	host, first, err := net.SplitHostPort(s.cfg.Listen)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(first)
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	for i, p := range s.printers() {
		addr := net.JoinHostPort(host, strconv.Itoa(port+i))
		if port == 0 {
			addr = s.cfg.Listen
		}
		all.Go(func() {
			dialect.Listen(ctx, s.desk, "raw9100 "+p, addr, func(ctx context.Context, l net.Listener) error { return s.serve(ctx, l, p) })
		})
	}
	all.Wait()
	return nil
}

// printers are the receipt printer and then the others, as configured.
func (s *Server) printers() []string {
	names := []string{s.desk.Default()}
	for _, p := range s.desk.Engine.PrinterStates() {
		if !p.Default {
			names = append(names, p.Name)
		}
	}
	return names
}

func (s *Server) serve(ctx context.Context, l net.Listener, printer string) error {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	room := make(chan struct{}, maxConns)
	for {
		conn, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil: // too many descriptors: it passes
			s.desk.Log.Warn("print port", "dialect", "raw9100", "err", err)
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		select {
		case room <- struct{}{}:
		default:
			conn.Close()
			continue
		}
		all.Go(func() {
			defer func() { <-room }()
			stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Now()) })
			defer stop()
			defer conn.Close()
			(&client{s: s, conn: conn, printer: printer, peer: conn.RemoteAddr().String()}).run(ctx)
		})
	}
}

// client is one connection.
type client struct {
	s       *Server
	conn    net.Conn
	printer string
	peer    string
	job     []byte
	looked  int // bytes of job in which questions were looked for
}

// run reads jobs until the client closes. What came before the agent is told to
// stop is queued: the client believes it printed.
func (c *client) run(ctx context.Context) {
	buf := make([]byte, 32<<10)
	for {
		wait := time.Duration(0)
		if len(c.job) > 0 {
			if wait = afterText; c.s.cutAt(c.job) {
				wait = afterCut
			}
		}
		if ctx.Err() == nil {
			deadline := time.Time{}
			if wait > 0 {
				deadline = time.Now().Add(wait)
			}
			if c.conn.SetReadDeadline(deadline) != nil {
				return
			}
		}
		if ctx.Err() != nil { // a stop between the two lines above set a deadline that was overwritten
			c.finish(ctx)
			return
		}
		n, err := c.conn.Read(buf)
		if n > 0 && !c.take(buf[:n]) {
			return
		}
		if err == nil {
			continue
		}
		c.finish(ctx)
		var late net.Error
		if !errors.As(err, &late) || !late.Timeout() || ctx.Err() != nil {
			return
		}
	}
}

// take adds bytes to the job and answers the questions in them; false ends the
// connection.
func (c *client) take(b []byte) bool {
	c.job = append(c.job, b...)
	if isHTTP(c.job) {
		c.s.desk.Health.Raise(condHTTP, c.printer)
		c.s.desk.Log.Warn("HTTP at the print port", "dialect", "raw9100", "dev", c.printer, "peer", c.peer)
		return false
	}
	if len(c.job) > maxJob {
		c.refused(fmt.Sprintf("more than %d MiB", maxJob>>20))
		return false
	}
	rest := c.s.questions(c.job[c.looked:], c.answer)
	c.looked = len(c.job) - rest
	return true
}

// answer answers a question; a client that does not take it is not waited for.
func (c *client) answer(q []byte) {
	state, ok := c.s.desk.State(c.printer)
	if !ok {
		return
	}
	reply := Answer(q, state)
	if len(reply) == 0 {
		return
	}
	if err := c.conn.SetWriteDeadline(time.Now().Add(lingering)); err != nil {
		return
	}
	if _, err := c.conn.Write(reply); err != nil {
		c.s.desk.Log.Debug("answer not taken", "dialect", "raw9100", "peer", c.peer, "err", err)
	}
}

// finish hands what was read in as a job. The spool waits for nobody, so this
// does not either.
func (c *client) finish(ctx context.Context) {
	data := c.job
	c.job, c.looked = nil, 0
	if len(data) == 0 {
		return
	}
	r, err := c.s.desk.Queue(ctx, dialect.Job{
		ForeignJob: till.ForeignJob{Dialect: "raw9100", Printer: c.printer, Raw: data, Life: life},
		Peer:       "a program at " + c.peer, Drawer: c.s.cfg.AllowDrawer,
	})
	switch {
	case err != nil:
		c.refused(err.Error())
	case r.Cause != dialect.Printed:
		c.refused(r.Reason)
	default:
		c.s.desk.Health.Clear(condLarge, c.printer)
	}
}

func (c *client) refused(why string) {
	c.s.desk.Health.Raise(condLarge, c.printer, "why", why)
	c.s.desk.Log.Warn("job refused", "dialect", "raw9100", "dev", c.printer, "peer", c.peer, "err", why)
}

// request is the first line of an HTTP request: a browser can be made to send
// one to any port of this machine.
var request = regexp.MustCompile(`^[A-Z]{3,10} [^\r\n]* HTTP/[0-9]`)

func isHTTP(job []byte) bool {
	if len(job) > 4200 {
		job = job[:4200]
	}
	return bytes.Contains(job, []byte(" HTTP/")) && request.Match(job)
}
