package qrscreen

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tilld/device"
	"tilld/display"
	"tilld/internal/fault"
)

// Table is what a model understands, in the options of a device. A built-in
// model's table may be changed key by key.
type Table struct {
	Columns    int      `json:"columns"`     // longest line of text in cells, 1 to 64
	Charset    string   `json:"charset"`     // "ascii", "gb18030" or "utf-8"
	Dots       int      `json:"dots"`        // side of the square for the code in pixels, 100 to 2000
	MaxPayload int      `json:"max_payload"` // longest text of a code in bytes, 20 to 1024
	Reserved   string   `json:"reserved"`    // ASCII characters that mean something in a command
	Commands   Commands `json:"commands"`
}

// Commands are templates: text with \r, \n, \t, \\, \{ and \xNN for bytes, and the
// fields {line1}, {line2}, {amount}, in qr also {qr}, {qr_len} (two bytes, high one
// first) and {qr_size} (decimal). An empty command is not sent.
type Commands struct {
	Open    string `json:"open"`    // once, when the device comes into service
	Clear   string `json:"clear"`   // takes a code off the screen; needed
	QR      string `json:"qr"`      // draws the code, over whatever was there; needed
	Text    string `json:"text"`    // shows two lines and no code; else clear is sent
	Paid    string `json:"paid"`    // thanks; else text
	Failed  string `json:"failed"`  // the payment failed; else text
	Show    string `json:"show"`    // after each of the commands above, for models that draw on it
	Recover string `json:"recover"` // ends a command that was cut in the middle
}

// config is the options of a device entry.
type config struct {
	Model string `json:"model"`
	Table
}

const custom = "custom"

// models are the built-in tables. Sources: the makers' example programs.
var models = map[string]Table{
	// "QRVIEW" HMI screens, 115200 8N1: ASCII commands ended by ';', a line of them by CR LF.
	"qrview": {
		Columns: 20, Charset: "gb18030", Dots: 200, MaxPayload: 512, Reserved: ";)",
		Commands: Commands{
			Clear: `JUMP(0);`, QR: `JUMP(1);QBAR(0,{qr});SET_TXT(0,{line1});SET_TXT(1,{line2});SET_TXT(2,{amount});`,
			Show: `\r\n`, Recover: `\r\n`,
		},
	},
	// Mertech QR-PAY, 115200 8N1. Its own program sends one byte of length.
	"mertech": {
		Columns: 20, Charset: "ascii", Dots: 200, MaxPayload: 255,
		Commands: Commands{
			Clear: `\x02\xF0\x03CLS\x03`, QR: `\x02\xF2\x02{qr_len}{qr}\x02\xF2\x03`,
			Paid: `\x02\xF0\x03correct\x03`, Failed: `\x02\xF0\x03mistake\x03`, Recover: `\x02\xF2\x03\x03`,
		},
	},
	// Bonrix 3.5 inch, 115200 8N1: fields separated by "**".
	"bonrix": {
		Columns: 20, Charset: "ascii", Dots: 200, MaxPayload: 512, Reserved: "*",
		Commands: Commands{
			Clear: `WelcomeScreen**`, QR: `DisplayQRCodeScreen**{qr}**{amount}**{line1}`, Show: `\n`, Recover: `\n`,
		},
	},
	custom: {Columns: 20, Charset: "ascii", Dots: 200, MaxPayload: 512, Reserved: "\"'(),;<>[]\\{|}*"},
}

// model is a table that was checked, its templates taken apart.
type model struct {
	name                                                  string
	table                                                 Table
	open, clear, qr, textual, paid, failed, show, recover template
}

// decode reads the options over the table of their model.
func decode(s device.Spec) (model, error) {
	which := config{Model: "qrview"}
	if err := s.Decode(&which); err != nil {
		return model{}, err
	}
	table, ok := models[which.Model]
	if !ok {
		return model{}, invalid(s, fmt.Errorf("model is %q, want one of %s", which.Model, strings.Join(slices.Sorted(maps.Keys(models)), ", ")))
	}
	cfg := config{Model: which.Model, Table: table}
	if err := s.Decode(&cfg); err != nil {
		return model{}, err
	}
	m, err := compile(cfg)
	if err != nil {
		return model{}, invalid(s, err)
	}
	return m, nil
}

func invalid(s device.Spec, err error) error { return fault.New(fault.Config, s.Name, "open", err) }

// compile checks a table.
func compile(cfg config) (model, error) {
	t := cfg.Table
	m := model{name: "QR screen " + cfg.Model, table: t}
	if err := cmp.Or(
		between("columns", t.Columns, 1, 64), between("dots", t.Dots, 100, 2000), between("max_payload", t.MaxPayload, 20, 1024),
		charset(t.Charset), reserved(t.Reserved),
	); err != nil {
		return m, err
	}
	for _, c := range []struct {
		name, text string
		into       *template
	}{
		{"open", t.Commands.Open, &m.open},
		{"clear", t.Commands.Clear, &m.clear},
		{"qr", t.Commands.QR, &m.qr},
		{"text", t.Commands.Text, &m.textual},
		{"paid", t.Commands.Paid, &m.paid},
		{"failed", t.Commands.Failed, &m.failed},
		{"show", t.Commands.Show, &m.show},
		{"recover", t.Commands.Recover, &m.recover},
	} {
		var err error
		if *c.into, err = parse(c.text, c.name == "qr"); err != nil {
			return m, fmt.Errorf("commands.%s %v", c.name, err) // whole, as one message for a configuration
		}
	}
	switch {
	case len(m.clear) == 0:
		return m, errors.New("commands.clear is missing: a code could not be taken off the screen")
	case !slices.Contains(m.qr, piece{field: "qr"}):
		return m, errors.New("commands.qr has no {qr}")
	}
	return m, nil
}

// command is what shows a scene of a kind without a code.
func (m *model) command(k display.Kind) template {
	switch {
	case k == display.Paid && len(m.paid) > 0:
		return m.paid
	case k == display.Failed && len(m.failed) > 0:
		return m.failed
	case k != display.Idle && len(m.textual) > 0:
		return m.textual
	}
	return m.clear
}

func between(name string, n, low, high int) error {
	if n < low || n > high {
		return fmt.Errorf("%s is %d, want %d to %d", name, n, low, high)
	}
	return nil
}

func charset(name string) error {
	if !slices.Contains([]string{"ascii", "gb18030", "utf-8"}, name) {
		return fmt.Errorf("charset is %q, want ascii, gb18030 or utf-8", name)
	}
	return nil
}

func reserved(chars string) error {
	for _, r := range chars {
		if r <= ' ' || r > '~' {
			return fmt.Errorf("reserved has %q, want printable ASCII characters", r)
		}
	}
	return nil
}
