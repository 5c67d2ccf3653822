package main

import (
	"tilld/device"
	"tilld/display"
	"tilld/display/cd5220"
	"tilld/display/dsp800"
	"tilld/display/epson"
	"tilld/display/framebuffer"
	"tilld/display/led8"
	"tilld/display/qrscreen"
	"tilld/display/screen"
	"tilld/display/utc"
	"tilld/printer"
	"tilld/printer/escpos"
	"tilld/printer/star"
	"tilld/scanner"
	"tilld/scanner/camera"
	"tilld/scanner/hidpos"
	"tilld/scanner/line"
	"tilld/scanner/ssi"
	"tilld/scanner/torn"
	"tilld/scanner/wedge"
)

// driver is one line of the list below, for the checks of a configuration.
type driver struct {
	kind    device.Kind
	name    string
	options func(device.Spec) error // what is wrong with an entry's options
	schemes []string                // of addresses it can use; nil is not checked
}

// driverList names every driver in the binary.
func driverList() []driver {
	lines := []string{"serial", "tcp", "sim"}
	return []driver{
		{device.Scanner, "line", line.Check, lines},
		{device.Scanner, "wedge", wedge.Check, []string{"evdev", "sim"}},
		{device.Scanner, "hidpos", hidpos.Check, []string{"hidraw", "sim"}},
		{device.Scanner, "ssi", ssi.Check, lines},
		{device.Scanner, "camera", camera.Check, []string{"v4l2", "file", "sim"}},
		{device.Printer, "escpos", escpos.Check, nil},
		{device.Printer, "star", star.Check, nil},
		{device.Display, "cd5220", cd5220.Check, nil},
		{device.Display, "epson", epson.Check, nil},
		{device.Display, "dsp800", dsp800.Check, nil},
		{device.Display, "utc", utc.Check, nil},
		{device.Display, "led8", led8.Check, nil},
		{device.Display, "qrscreen", qrscreen.Check, nil},
		{device.Display, "framebuffer", framebuffer.Check, nil},
		{device.Display, "screen", noOptions, nil},
	}
}

func scanners(m *torn.Memory) *device.Registry[scanner.Scanner] {
	var r device.Registry[scanner.Scanner]
	r.Add("line", line.Opener(m))
	r.Add("wedge", wedge.Opener(m))
	r.Add("hidpos", hidpos.Opener(m))
	r.Add("ssi", ssi.Opener(m))
	r.Add("camera", camera.Open)
	return &r
}

func printers() *device.Registry[printer.Printer] {
	var r device.Registry[printer.Printer]
	r.Add("escpos", escpos.Open)
	r.Add("star", star.Open)
	return &r
}

func displays(s *screen.Screen) *device.Registry[display.Display] {
	var r device.Registry[display.Display]
	r.Add("cd5220", display.Text(cd5220.Open))
	r.Add("epson", display.Text(epson.Open))
	r.Add("dsp800", display.Text(dsp800.Open))
	r.Add("utc", display.Text(utc.Open))
	r.Add("led8", led8.Open)
	r.Add("qrscreen", qrscreen.Open)
	r.Add("framebuffer", framebuffer.Open)
	r.Add("screen", s.Open)
	return &r
}

// noOptions checks the entry of a driver that has none.
func noOptions(s device.Spec) error { return s.Decode(&struct{}{}) }
