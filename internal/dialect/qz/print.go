package qz

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"tilld/internal/dialect"
	"tilld/internal/till"
	"tilld/printer"
)

// printTime is how long the answer to a print may take; the original drops idle
// sockets after 5 min.
const printTime = 4 * time.Minute

// maxCopies bounds copies in one call.
const maxCopies = 10

// printCall is the parameters of print.
type printCall struct {
	Printer struct {
		Name string `json:"name"`
		Host string `json:"host"`
		Port any    `json:"port"`
		File string `json:"file"`
	} `json:"printer"`
	Options struct {
		Copies   int             `json:"copies"`
		JobName  json.RawMessage `json:"jobName"` // text, or an object in old clients
		Encoding json.RawMessage `json:"encoding"`
	} `json:"options"`
	Data []json.RawMessage `json:"data"`
}

// print queues a job in the order of the calls; what is returned waits for it.
func (c *session) print(r request) (result any, wait func(), err error) {
	var p printCall
	if err := json.Unmarshal(r.Params, &p); err != nil {
		return nil, nil, errors.New("the print call cannot be read")
	}
	name, err := c.printer(p)
	if err != nil {
		return nil, nil, err
	}
	raw, err := rawOf(p, c.s.desk.Caps(name).Dots)
	if err != nil {
		return nil, nil, err
	}
	title := ""
	if len(p.Options.JobName) > 0 && json.Unmarshal(p.Options.JobName, &title) != nil {
		title = ""
	}
	job, err := c.s.desk.Queue(c.ctx, dialect.Job{
		ForeignJob: till.ForeignJob{Dialect: "qz", Printer: name, ID: title, Title: true, Raw: raw},
		Peer:       c.peer, Drawer: c.s.cfg.AllowDrawer,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("the job could not be stored: %w", err)
	}
	c.jobNews(job, title, "SPOOLING")
	return nil, func() { c.await(r.UID, title, job) }, nil
}

// await answers a print when it is known how it went. A page that goes gets its
// job back if it did not begin.
func (c *session) await(uid, title string, job dialect.Result) {
	c.mu.Lock()
	c.jobs[job.JobID] = job.Printer
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(c.ctx, printTime)
	defer cancel()
	done, err := c.s.desk.Wait(ctx, job)
	c.mu.Lock()
	delete(c.jobs, job.JobID)
	c.mu.Unlock()
	switch {
	case err != nil:
		c.fail(uid, err)
	case done.Cause == dialect.Printed:
		c.result(uid, nil)
	default:
		c.fail(uid, failure(done))
	}
	c.jobNews(done, title, jobText(done))
}

// clearQueue gives back this page's jobs that did not begin; the rest of the
// queue is not the page's.
func (c *session) clearQueue(params json.RawMessage) error {
	var p struct {
		PrinterName string `json:"printerName"`
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return errors.New("printerName is no text")
	}
	c.mu.Lock()
	ids := []string{}
	for id, name := range c.jobs {
		if p.PrinterName == "" || name == p.PrinterName {
			ids = append(ids, id)
		}
	}
	c.mu.Unlock()
	for _, id := range ids {
		if _, err := c.s.desk.Engine.WithdrawJob(c.ctx, id, "withdrawn by its page"); err != nil {
			return err
		}
	}
	return nil
}

// jobNews pushes how a job goes, to a page that listens to its printer.
func (c *session) jobNews(r dialect.Result, title, text string) {
	if r.JobID == "" || !c.watches(r.Printer) {
		return
	}
	severity := "INFO"
	if text == "ERROR" || text == "UNKNOWN" {
		severity = "WARN"
	}
	c.event("PRINTER", printerEvent{
		PrinterName: r.Printer, EventType: "JOB", StatusText: text, Severity: severity, JobName: title, Type: "ACTION",
		Message: fmt.Sprintf("job on %s: %s", r.Printer, strings.ToLower(text)),
	})
}

func jobText(r dialect.Result) string {
	switch {
	case r.Outcome == printer.Confirmed:
		return "COMPLETE"
	case r.Cause == dialect.Printed:
		return "SENT"
	case r.Cause == dialect.Unsure:
		return "UNKNOWN"
	}
	return "ERROR"
}

// failure says why a job was not printed.
func failure(r dialect.Result) error {
	if w, ok := words[r.Cause]; ok {
		return fmt.Errorf("%s: %s %s; nothing was printed", w.text, r.Printer, w.message)
	}
	switch r.Cause {
	case dialect.Unsure:
		return fmt.Errorf("UNKNOWN: it is not known whether %s printed: look at the paper before you print again (%s)", r.Printer, r.Reason)
	case dialect.Busy:
		return fmt.Errorf("BUSY: %s is busy; nothing was printed", r.Printer)
	}
	return fmt.Errorf("ERROR: %s", r.Reason)
}

// printer finds the configured printer that a call means.
func (c *session) printer(p printCall) (string, error) {
	if p.Printer.File != "" {
		return "", errors.New("tilld writes no files: name a configured printer")
	}
	if p.Printer.Host != "" {
		port := "9100"
		if p.Printer.Port != nil {
			port = strings.TrimSuffix(fmt.Sprint(p.Printer.Port), ".0")
		}
		want := "tcp://" + net.JoinHostPort(p.Printer.Host, port)
		for _, x := range c.s.desk.Engine.PrinterStates() {
			if addr, _, _ := strings.Cut(x.Address, "?"); addr == want {
				return x.Name, nil
			}
		}
		return "", errors.New("this address is not that of a configured printer")
	}
	if _, ok := c.s.desk.State(p.Printer.Name); ok {
		return p.Printer.Name, nil
	}
	return "", said(fmt.Sprintf("There is no printer %q: tilld prints on configured printers", clip(p.Printer.Name)))
}

func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40])
	}
	return s
}

// item is one piece of what is to be printed.
type item struct {
	Type    string          `json:"type"`
	Format  string          `json:"format"`
	Flavor  string          `json:"flavor"`
	Data    string          `json:"data"`
	Options json.RawMessage `json:"options"`
}

// rawOf makes the printer's bytes of all items.
func rawOf(p printCall, dots int) ([]byte, error) {
	enc, err := encodingOf(p.Options.Encoding)
	if err != nil {
		return nil, err
	}
	var out []byte
	for _, data := range p.Data {
		b, err := itemBytes(data, enc, dots)
		if err != nil {
			return nil, err
		}
		if out = append(out, b...); len(out) > dialect.MaxBody {
			return nil, errors.New("the job is too large")
		}
	}
	if n := p.Options.Copies; n > maxCopies {
		return nil, fmt.Errorf("at most %d copies", maxCopies)
	} else if n > 1 {
		out = []byte(strings.Repeat(string(out), n))
	}
	return out, nil
}

func itemBytes(data json.RawMessage, enc textEncoder, dots int) ([]byte, error) {
	var text string
	if json.Unmarshal(data, &text) == nil {
		return enc(text), nil
	}
	var it item
	if err := json.Unmarshal(data, &it); err != nil {
		return nil, errors.New("an item of data is neither text nor an object with text")
	}
	it = it.modern()
	if it.Type != "raw" {
		return nil, fmt.Errorf("printing %s (%s) is not supported by tilld: send raw printer commands", clip(it.Type), clip(it.Format))
	}
	switch it.Format {
	case "command":
		return it.bytes(enc)
	case "image":
		return it.image(dots)
	}
	return nil, fmt.Errorf("raw data in format %q is not supported by tilld: send commands or an image", clip(it.Format))
}

// modern gives an item of old clients its present form.
func (it item) modern() item {
	switch it.Type {
	case "", "raw":
		it.Type = "raw"
	case "html", "image", "pdf":
		it.Type, it.Format = "pixel", it.Type
	}
	switch f := strings.ToLower(it.Format); {
	case it.Type == "raw" && it.Flavor == "" && (f == "base64" || f == "hex" || f == "file" || f == "plain" || f == "xml"):
		it.Format, it.Flavor = "command", f
	case it.Format == "":
		it.Format = "command"
	}
	it.Format, it.Flavor = strings.ToLower(it.Format), strings.ToLower(it.Flavor)
	return it
}

func (it item) bytes(enc textEncoder) ([]byte, error) {
	switch it.Flavor {
	case "", "plain":
		return enc(it.Data), nil
	case "base64":
		b, err := base64.StdEncoding.DecodeString(it.Data)
		if err != nil {
			return nil, errors.New("the data is no base64")
		}
		return b, nil
	case "hex":
		var digits strings.Builder
		for _, word := range strings.Fields(strings.ToLower(it.Data)) { // 1b40, x1b x40, 0x1b 0x40
			digits.WriteString(strings.ReplaceAll(strings.TrimPrefix(word, "0x"), "x", ""))
		}
		b, err := hex.DecodeString(digits.String())
		if err != nil {
			return nil, errors.New("the data is no hexadecimal")
		}
		return b, nil
	}
	return nil, fmt.Errorf("data of flavor %q is not supported: tilld opens no files and no addresses for a page", clip(it.Flavor))
}
