// Package ssi reads Zebra (Symbol) scanners that speak SSI, the Simple Serial
// Interface, on a serial line or on USB: packets with a checksum, each of which
// is acknowledged. A scan is in the till when the scanner says it is, a damaged
// packet is sent again, and one that is sent again is not counted twice.
//
// Source: Zebra's SSI programmer's guide as quoted in the scanners' reference
// guides (packets, opcodes, beeps) and the SDK's list of bar code types.
package ssi

import (
	"context"
	"errors"
	"sync"
	"time"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/scanner"
	"tilld/scanner/internal/reading"
	"tilld/scanner/torn"
)

const (
	// sendLimit bounds one packet to the scanner; it waits two seconds for an
	// answer.
	sendLimit = time.Second
	// sessionEvery is how often a session is opened again: scanners end one after
	// 10 s at the latest.
	sessionEvery = 5 * time.Second
)

type reader struct {
	info device.Info
	cfg  Config
	port device.Port
	mu   sync.Mutex // one packet at a time

	spec   device.Spec
	memory *torn.Memory
}

// Check reports what is wrong with the options of a configuration entry.
func Check(s device.Spec) error {
	_, err := decode(s)
	return err
}

func decode(s device.Spec) (Config, error) {
	cfg := Defaults
	if err := s.Decode(&cfg); err != nil {
		return cfg, err
	}
	if err := cfg.check(); err != nil {
		return cfg, fault.New(fault.Config, s.Name, "open", err)
	}
	return cfg, nil
}

// Open takes over the port; it sends nothing. Options are those of [Config].
func Open(_ context.Context, p device.Port, s device.Spec) (scanner.Scanner, error) {
	return openWith(p, s, nil)
}

// Opener returns an [Open] with a memory of codes that were cut off.
func Opener(m *torn.Memory) device.Opener[scanner.Scanner] {
	return func(_ context.Context, p device.Port, s device.Spec) (scanner.Scanner, error) {
		return openWith(p, s, m)
	}
}

func openWith(p device.Port, s device.Spec, m *torn.Memory) (scanner.Scanner, error) {
	cfg, err := decode(s)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fault.New(fault.Config, s.Name, "open", errors.New("an SSI scanner needs an address such as serial://usb/05E0:1701"))
	}
	return &reader{info: device.Info{Name: s.Name, Driver: "ssi", Model: "zebra"}, cfg: cfg, port: p, spec: s, memory: m}, nil
}

// Info implements [device.Device].
func (r *reader) Info() device.Info { return r.info }

// Close implements [device.Device]; it ends a session that it holds open.
func (r *reader) Close() error {
	if r.cfg.Trigger == "host" {
		// A scanner that does not take it ends its session by itself.
		_ = r.send(context.Background(), "close", packet(opStopSession))
	}
	return r.port.Close()
}

// Run implements [scanner.Scanner]. Each packet is acknowledged before its code
// is emitted. It fails with a fault of kind Protocol when what arrives is no SSI,
// Timeout or Absent when the scanner does not take the answers.
func (r *reader) Run(ctx context.Context, emit func(scanner.Scan)) error {
	var failed error
	reply := func(frame []byte) {
		if err := r.send(ctx, "acknowledge", frame); err != nil && failed == nil && ctx.Err() == nil {
			failed = err
		}
	}
	if r.cfg.Trigger == "host" {
		if err := r.send(ctx, "start session", packet(opStartSession)); err != nil {
			return err
		}
		again, cancel := context.WithCancel(ctx)
		over := make(chan struct{})
		go func() { defer close(over); r.sessions(again) }()
		defer func() { cancel(); <-over }()
		next := emit
		emit = func(s scanner.Scan) { next(s); reply(packet(opStartSession)) }
	}
	l := reading.Loop{
		Name: r.info.Name, Port: r.port, Gap: time.Duration(r.cfg.GapMS) * time.Millisecond,
		Rate: r.cfg.MaxPerSecond, Advice: reading.NoBarcodes, OnFault: func() error { return failed },
	}
	d := newDecoder(r.cfg, reply)
	d.tear = r.memory.Take(r.spec)
	err := l.Run(ctx, d, reading.MaxNoise, emit)
	d.forget(time.Now()) // what it goes on with, after a stop or through the next port, is no code either
	r.memory.Keep(d.tear, err)
	return err
}

// sessions opens a session again and again. A failure shows in Run as well.
func (r *reader) sessions(ctx context.Context) {
	tick := time.NewTicker(sessionEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if r.send(ctx, "start session", packet(opStartSession)) != nil {
				return
			}
		}
	}
}

// Answer implements [scanner.Answerer]: the scanner has beeped by itself when it
// read the code; a refused one gets three long low beeps.
func (r *reader) Answer(ctx context.Context, ok bool) error {
	if ok || !r.cfg.Beep {
		return nil
	}
	return r.send(ctx, "answer", packet(opBeep, beepThreeLongLows))
}

// Test implements [device.Tester] with one short beep.
func (r *reader) Test(ctx context.Context) error {
	return r.send(ctx, "test", packet(opBeep, beepShortHigh))
}

func (r *reader) send(ctx context.Context, op string, frame []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	return device.Send(ctx, r.port, r.info.Name, op, frame)
}
