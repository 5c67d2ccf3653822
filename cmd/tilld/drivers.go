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
	"tilld/scanner/wedge"
)

// driver is one line of the list below, for the checks of a configuration.
type driver struct {
	kind    device.Kind
	name    string
	options func(device.Spec) error // what is wrong with an entry's options
}

// driverList names every driver in the binary.
func driverList() []driver {
	return []driver{
		{device.Scanner, "line", line.Check},
		{device.Scanner, "wedge", wedge.Check},
		{device.Scanner, "hidpos", hidpos.Check},
		{device.Scanner, "ssi", ssi.Check},
		{device.Scanner, "camera", camera.Check},
		{device.Printer, "escpos", escpos.Check},
		{device.Printer, "star", star.Check},
		{device.Display, "cd5220", cd5220.Check},
		{device.Display, "epson", epson.Check},
		{device.Display, "dsp800", dsp800.Check},
		{device.Display, "utc", utc.Check},
		{device.Display, "led8", led8.Check},
		{device.Display, "qrscreen", qrscreen.Check},
		{device.Display, "framebuffer", framebuffer.Check},
		{device.Display, "screen", noOptions},
	}
}

func scanners() *device.Registry[scanner.Scanner] {
	var r device.Registry[scanner.Scanner]
	r.Add("line", line.Opener())
	r.Add("wedge", wedge.Open)
	r.Add("hidpos", hidpos.Open)
	r.Add("ssi", ssi.Open)
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
