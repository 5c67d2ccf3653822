package star

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/printer"
)

// Config is what store IT can set under options.
type Config struct {
	Language string `json:"language"`      // starprnt or line
	Columns  int    `json:"columns"`       // 48 on 80 mm paper, 32 on 58 mm
	Dots     int    `json:"dots"`          // 576 or 384
	Cut      string `json:"cut"`           // partial, full, none
	Status   bool   `json:"status"`        // the printer answers when it is asked
	Confirm  string `json:"confirm"`       // how it is known that a job is on paper: auto, document, etb, none
	Drawer   bool   `json:"drawer"`        // a cash drawer may be connected
	Sensor   string `json:"drawer_sensor"` // what a closed switch (compulsion switch) says: open, closed, none
	Idle     string `json:"idle"`          // a network connection is given up after this long without a job, "0s": never

	idle time.Duration
}

// Defaults are those of an 80 mm StarPRNT printer.
func Defaults() Config {
	return Config{Language: "starprnt", Columns: 48, Dots: 576, Cut: "partial", Status: true, Confirm: "auto", Drawer: true, Sensor: "none", Idle: "30s"}
}

func configure(s device.Spec) (Config, error) {
	c := Defaults()
	if err := s.Decode(&c); err != nil {
		return Config{}, err
	}
	if strings.HasPrefix(s.Address, "file:") {
		c.Status = false
	}
	var errs []error
	if !slices.Contains([]string{"starprnt", "line"}, c.Language) {
		errs = append(errs, fmt.Errorf("language: %q is neither starprnt nor line", c.Language))
	}
	if !slices.Contains([]string{"partial", "full", "none"}, c.Cut) {
		errs = append(errs, fmt.Errorf("cut: %q is none of partial, full, none", c.Cut))
	}
	if !slices.Contains([]string{"auto", "document", "etb", "none"}, c.Confirm) {
		errs = append(errs, fmt.Errorf("confirm: %q is none of auto, document, etb, none", c.Confirm))
	}
	if !slices.Contains([]string{"open", "closed", "none"}, c.Sensor) {
		errs = append(errs, fmt.Errorf("drawer_sensor: %q is none of open, closed, none", c.Sensor))
	}
	if c.Columns < 16 || c.Columns > 80 || c.Dots < 12*c.Columns || c.Dots > 1200 || c.Dots%8 != 0 {
		errs = append(errs, fmt.Errorf("columns, dots: %d, %d; dots are a multiple of 8 and at least 12 a column", c.Columns, c.Dots))
	}
	if d, err := time.ParseDuration(c.Idle); err != nil || d < 0 || d > 24*time.Hour {
		errs = append(errs, fmt.Errorf("idle: %q is no time from 0s to 24h", c.Idle))
	} else {
		c.idle = d
	}
	switch {
	case !c.Status:
		c.Confirm = "none"
	case c.Confirm == "auto" && c.Language == "line":
		c.Confirm = "etb" // older models have nothing else
	case c.Confirm == "auto":
		c.Confirm = "document"
	}
	if len(errs) > 0 {
		return Config{}, fault.New(fault.Config, s.Name, "read options", errors.Join(errs...))
	}
	return c, nil
}

func (c Config) caps() printer.Caps {
	return printer.Caps{Columns: c.Columns, Dots: c.Dots, DPI: 203, Chinese: true, Cutter: c.Cut != "none", Drawer: c.Drawer, Confirms: c.Confirm != "none"}
}

// Check reads the options of a device without touching hardware.
func Check(s device.Spec) error {
	_, err := configure(s)
	return err
}
