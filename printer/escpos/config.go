package escpos

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/printer"
	"tilld/printer/data"
)

//go:embed profiles.json
var profiles []byte

// Config is what store IT can set under options. The profile gives the defaults
// of all other keys.
type Config struct {
	Profile string `json:"profile"`
	Setup
}

// Setup is how one model behaves.
type Setup struct {
	Base     string `json:"base,omitempty"`     // entry in the capability data that code page numbers come from
	Columns  int    `json:"columns,omitempty"`  // characters a line in font A
	Dots     int    `json:"dots,omitempty"`     // printable dots a line
	DPI      int    `json:"dpi,omitempty"`      // dots an inch
	Chinese  string `json:"chinese,omitempty"`  // gbk, gb2312, none (Chinese is printed as dots), auto (ask the printer)
	CodePage string `json:"codepage,omitempty"` // for Latin text on printers without Chinese: CP437, CP858, CP1252 …
	Cut      string `json:"cut,omitempty"`      // partial, full, none
	Feed     int    `json:"feed,omitempty"`     // lines to feed at the end where there is no cutter
	Status   string `json:"status,omitempty"`   // asb (reports changes by itself), dle (answers when asked), none
	Confirm  string `json:"confirm,omitempty"`  // process_id, in_order, none
	QR       string `json:"qr,omitempty"`       // raster, native (the printer makes QR codes itself), auto (native on serial lines of up to 38,400 baud)
	Raster   string `json:"raster,omitempty"`   // normal, double (dots of codes sent at half size, for slow lines), none
	Drawer   bool   `json:"drawer,omitempty"`   // a cash drawer may be connected
	// DrawerSensor is the level on pin 3 that means an open drawer: high, low, or
	// none when the drawer has no switch.
	DrawerSensor string `json:"drawer_sensor,omitempty"`
	Large        bool   `json:"large,omitempty"` // prints characters larger than 2 x 2 itself
	Strip        int    `json:"strip,omitempty"` // rows of dots a command, 8 to 255
	Units        int    `json:"units,omitempty"` // vertical motion units a dot, 1 or 2
	Chunk        int    `json:"chunk,omitempty"` // bytes written at once
	Idle         string `json:"idle,omitempty"`  // a network connection is given up after this long without a job ("30s"), "0s": never
	Pause        string `json:"pause,omitempty"` // wait after each chunk ("20ms"), for printers with small buffers

	pause, idle time.Duration
	piece       int // bytes of a job at least before a drawer may open in the middle of it
}

// base is what a profile does not say.
func base() Setup {
	return Setup{
		Base: "default", Columns: 48, Dots: 576, DPI: 203, Chinese: "none", CodePage: "CP437", Cut: "partial", Feed: 4,
		Status: "dle", Confirm: "in_order", Raster: "normal", QR: "raster", Drawer: true, DrawerSensor: "none", Strip: 128, Units: 1, Chunk: 2048, Idle: "30s",
	}
}

// Profiles returns the names of our own profiles; the names of the capability
// data ("TM-T88V") are profiles too.
func Profiles() ([]string, error) {
	own, err := ownProfiles()
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(own)), nil
}

func ownProfiles() (map[string]json.RawMessage, error) {
	var own map[string]json.RawMessage
	err := json.Unmarshal(profiles, &own)
	return own, err
}

// configure reads the options of a device.
func configure(s device.Spec) (Config, error) {
	var name struct {
		Profile string `json:"profile"`
	}
	if len(s.Options) > 0 {
		if err := json.Unmarshal(s.Options, &name); err != nil {
			return Config{}, fault.New(fault.Config, s.Name, "read options", err)
		}
	}
	if name.Profile == "" {
		name.Profile = "generic-80mm"
	}
	known := name.Profile
	if known == auto {
		known = fallback // until the printer has been asked
	}
	setup, err := profile(known)
	if err != nil {
		return Config{}, fault.New(fault.Config, s.Name, "read options", err)
	}
	c := Config{Profile: name.Profile, Setup: setup}
	if err := s.Decode(&c); err != nil {
		return Config{}, err
	}
	return c, c.finish(s)
}

// auto is the profile of a printer that is to be asked what it is.
const auto = "auto"

// finish settles what depends on the address, and checks.
func (c *Config) finish(s device.Spec) error {
	if strings.HasPrefix(s.Address, "file:") { // a file answers nothing
		c.Status, c.Confirm = "none", "none"
	}
	if c.QR == "auto" {
		c.QR = "raster"
		if slow(s.Address) {
			c.QR = "native"
		}
	}
	if err := c.check(); err != nil {
		return fault.New(fault.Config, s.Name, "read options", err)
	}
	c.piece = c.Chunk
	if slow(s.Address) { // nobody is to wait for a drawer longer than one strip takes
		c.piece, c.Strip = min(c.Chunk, slowPiece), min(c.Strip, slowStrip)
	}
	return nil
}

// On slow lines a strip of 80 mm paper takes under two seconds, a piece a quarter
// of one.
const (
	slowPiece = 256
	slowStrip = 24
)

// slow reports whether an address is a serial line on which dots take long.
func slow(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "serial" {
		return false
	}
	baud, err := strconv.Atoi(u.Query().Get("baud"))
	return err != nil || baud <= slowLine // 9600 is the default
}

func profile(name string) (Setup, error) {
	setup := base()
	own, err := ownProfiles()
	if err != nil {
		return Setup{}, err
	}
	if raw, ok := own[name]; ok {
		return setup, json.Unmarshal(raw, &setup)
	}
	public, err := data.Printers()
	if err != nil {
		return Setup{}, err
	}
	p, ok := public[name]
	if !ok || p.Features["starCommands"] || !p.Features["bitImageRaster"] {
		return Setup{}, fmt.Errorf("no profile %q; there are %s, and the models of escpos-printer-db by their names there (TM-T88V)",
			name, strings.Join(slices.Sorted(maps.Keys(own)), " "))
	}
	setup.Base = name
	if p.Columns >= 24 {
		setup.Columns = p.Columns
	}
	setup.Dots = 12 * setup.Columns
	if p.Dots >= setup.Dots {
		setup.Dots = min(p.Dots, 12*setup.Columns+11)
	}
	if p.DPI > 0 {
		setup.DPI = p.DPI
	}
	switch {
	case p.Features["paperPartCut"]:
		setup.Cut = "partial"
	case p.Features["paperFullCut"]:
		setup.Cut = "full"
	default:
		setup.Cut = "none"
	}
	setup.Drawer = p.Features["pulseStandard"]
	if p.Vendor == "Epson" {
		setup.Status, setup.Large, setup.Chinese = "asb", true, "auto"
		if p.Features["qrCode"] {
			setup.QR = "auto"
		}
		if setup.DPI == 180 {
			setup.Units = 2
		}
	}
	return setup, nil
}

// check refuses values that no printer has.
func (c *Config) check() error {
	var errs []error
	one := func(key, value string, of ...string) {
		if !slices.Contains(of, value) {
			errs = append(errs, fmt.Errorf("%s: %q is none of %s", key, value, strings.Join(of, ", ")))
		}
	}
	within := func(key string, value, low, high int) {
		if value < low || value > high {
			errs = append(errs, fmt.Errorf("%s: %d is not between %d and %d", key, value, low, high))
		}
	}
	one("chinese", c.Chinese, "gbk", "gb2312", "none", "auto")
	one("cut", c.Cut, "partial", "full", "none")
	one("status", c.Status, "asb", "dle", "none")
	one("confirm", c.Confirm, "process_id", "in_order", "none")
	one("drawer_sensor", c.DrawerSensor, "none", "high", "low")
	one("qr", c.QR, "raster", "native")
	one("raster", c.Raster, "normal", "double", "none")
	within("columns", c.Columns, 16, 80)
	if c.Raster != "none" {
		within("dots", c.Dots, 12*c.Columns, 1200)
	}
	within("dpi", c.DPI, 60, 600)
	within("feed", c.Feed, 0, 20)
	within("strip", c.Strip, 8, 255)
	within("units", c.Units, 1, 2)
	within("chunk", c.Chunk, 16, 65536)
	if d, err := time.ParseDuration(c.Idle); err != nil || d < 0 || d > 24*time.Hour {
		errs = append(errs, fmt.Errorf("idle: %q is no time from 0s to 24h", c.Idle))
	} else {
		c.idle = d
	}
	if c.Pause != "" {
		d, err := time.ParseDuration(c.Pause)
		if err != nil || d < 0 || d > time.Second {
			errs = append(errs, fmt.Errorf("pause: %q is no time from 0 to 1s", c.Pause))
		}
		c.pause = d
	}
	if _, ok := charmaps()[c.CodePage]; !ok {
		errs = append(errs, fmt.Errorf("codepage: %q is none of %s", c.CodePage, strings.Join(slices.Sorted(maps.Keys(charmaps())), ", ")))
	}
	return errors.Join(errs...)
}

// reports is the mask of GS a: online, errors, paper, and the drawer if its
// switch means something.
func (c Config) reports() byte {
	if c.DrawerSensor != "none" {
		return 0x0f
	}
	return 0x0e
}

// Caps are the abilities that the layout needs to know.
func (c Config) caps() printer.Caps {
	return printer.Caps{
		Columns: c.Columns, Dots: c.Dots, DPI: c.DPI, Chinese: c.Chinese == "gbk" || c.Chinese == "gb2312",
		Cutter: c.Cut != "none", Drawer: c.Drawer, TextOnly: c.Raster == "none", Double: c.Raster == "double", NativeQR: c.QR == "native",
		Confirms: c.Confirm != "none",
	}
}
