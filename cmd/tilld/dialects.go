package main

import (
	"net/url"

	"tilld/device"
	"tilld/internal/config"
	"tilld/internal/dialect"
	"tilld/internal/dialect/epos"
	"tilld/internal/dialect/hwproxy"
	"tilld/internal/dialect/qz"
	"tilld/internal/dialect/raw9100"
	"tilld/internal/run"
	"tilld/printer"
	"tilld/printer/escpos"
)

// dialects are the parts that speak other vendors' protocols to POS
// applications; none unless it is configured.
func (a *agent) dialects() []run.Part {
	c := a.cfg.Dialects
	desk := &dialect.Desk{
		Engine: a.till, Health: &a.health, Log: a.log.With("part", "dialect"),
		Strip: escpos.Strip, Caps: a.kit.capsOf, Scanners: readable(a.cfg.Devices),
	}
	var parts []run.Part
	if c.QZ.Enabled {
		s := qz.New(desk, qz.Config{
			Listen: c.QZ.Listen, TLSListen: c.QZ.TLSListen, Origins: c.QZ.AllowedOrigins, AllowDrawer: c.QZ.AllowDrawer, Dir: a.cfg.DataDir,
		})
		parts = append(parts, run.Part{Name: "qz", Run: s.Run})
	}
	if c.EPOS.Enabled {
		s := epos.New(desk, epos.Config{Listen: c.EPOS.Listen, Origins: c.EPOS.AllowedOrigins})
		parts = append(parts, run.Part{Name: "epos", Run: s.Run})
	}
	if c.HWProxy.Enabled {
		s := hwproxy.New(desk, hwproxy.Config{Listen: c.HWProxy.Listen, Origins: c.HWProxy.AllowedOrigins})
		parts = append(parts, run.Part{Name: "hwproxy", Run: s.Run})
	}
	if c.Raw9100.Enabled {
		s := raw9100.New(desk, raw9100.Config{Listen: c.Raw9100.Listen, AllowDrawer: c.Raw9100.AllowDrawer}, escpos.Questions, escpos.CutAt)
		parts = append(parts, run.Part{Name: "raw9100", Run: s.Run})
	}
	return parts
}

// readable are the scanners that programs may read, with the port that a program would
// open itself.
func readable(list []config.Device) []dialect.Scanner {
	var all []dialect.Scanner
	for _, d := range list {
		if d.Kind != string(device.Scanner) {
			continue
		}
		s := dialect.Scanner{Name: d.Name}
		if addr, err := url.Parse(d.Address); err == nil && addr.Scheme == "serial" && addr.Host == "" {
			s.Port = addr.Path
		}
		all = append(all, s)
	}
	return all
}

// capsOf is what a printer can do, or a common 80 mm printer.
func (k *kit) capsOf(name string) printer.Caps {
	if st, ok := k.stations[name]; ok {
		if c, ok := st.Caps(); ok {
			return c
		}
	}
	return commonCaps
}

// commonCaps is a common 80 mm printer.
var commonCaps = printer.Caps{Columns: 48, Dots: 576, DPI: 203, Chinese: true, Cutter: true}
