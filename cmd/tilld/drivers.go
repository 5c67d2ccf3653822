package main

import (
	"context"

	"tilld/device"
	"tilld/display"
	"tilld/display/cd5220"
	"tilld/display/screen"
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
		{device.Display, "screen", noOptions},
	}
}

func scanners() *device.Registry[scanner.Scanner] {
	var r device.Registry[scanner.Scanner]
	r.Add("line", line.Open)
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
	r.Add("cd5220", onText(cd5220.Open))
	r.Add("screen", s.Open)
	return &r
}

// onText makes the opener of a character panel one of a display.
func onText(open device.Opener[display.TextPanel]) device.Opener[display.Display] {
	return func(ctx context.Context, p device.Port, s device.Spec) (display.Display, error) {
		panel, err := open(ctx, p, s)
		if err != nil {
			return nil, err
		}
		return display.OnText(panel), nil
	}
}

// noOptions checks the entry of a driver that has none.
func noOptions(s device.Spec) error { return s.Decode(&struct{}{}) }
