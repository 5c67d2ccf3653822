// Package reading is what the drivers of scanners have in common: the loop that
// reads a port and ends when it should, and the text of a payload.
package reading

import (
	"context"
	"errors"
	"os"
	"time"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/internal/lang"
	"tilld/scanner"
)

// Code is one whole code as a decoder found it.
type Code struct {
	AIM  string
	Data []byte // shares no memory with what was fed
}

// Decoder makes codes of a stream of bytes. How the stream is chunked makes no
// difference to what comes out.
type Decoder interface {
	// Feed takes the bytes that arrived at that time and returns the codes that
	// they complete.
	Feed(at time.Time, b []byte) []Code
	// Pending reports whether an unfinished code is held; while one is, Silence is
	// called each time that nothing has come for the loop's Gap.
	Pending() bool
	Silence(at time.Time)
	// Hold leaves a note of what is unfinished, see [torn.Tear.Hold].
	Hold(at time.Time)
	// Noise is how many bytes have made no code since the last one that did.
	Noise() int
}

// Loop reads one scanner.
type Loop struct {
	Name    string
	Port    device.Port
	Gap     time.Duration // silence that ends what is pending
	Rate    int           // codes a second, over ten seconds, that are believed
	Advice  device.Advice // what to do about noise
	OnFault func() error  // asked after each read; a fault of the decoder's own; may be nil
}

// MaxNoise is how much in a row may make no code: three longest payloads.
const MaxNoise = 3 * scanner.MaxData

var errNoise = errors.New("only noise arrives")

// Run implements [scanner.Scanner] with d. It fails with a fault of kind
// Protocol when only noise arrives, or more codes than any reader can read.
func (l Loop) Run(ctx context.Context, d Decoder, maxNoise int, emit func(scanner.Scan)) error {
	stop := context.AfterFunc(ctx, func() { device.SetReadDeadline(l.Port, time.Unix(1, 0)) })
	defer stop()
	flood := bucket{perSecond: l.Rate}
	buf := make([]byte, 4096)
	last := time.Now() // when the last byte arrived
	quiet := last      // since when nothing has come, or Silence was called
	looked := false    // whether the port was looked at once more after the gap
	for {
		deadline := time.Time{}
		switch {
		case looked:
			deadline = time.Now().Add(time.Millisecond)
		case d.Pending():
			deadline = quiet.Add(l.Gap)
		}
		err := device.SetReadDeadline(l.Port, deadline)
		if ctx.Err() != nil {
			return ctx.Err() // the deadline that ends the read may just have been overwritten
		}
		n := 0
		if err == nil {
			n, err = l.Port.Read(buf)
		}
		if n > 0 {
			last, looked = time.Now(), false
			quiet = last
		}
		codes := d.Feed(last, buf[:n])
		clear(buf[:n]) // it may have been an auth code
		if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil {
			err = nil
			// A machine that stood still finds its deadline passed and the rest of
			// the code waiting: silence is only what a second look confirms.
			if late := d.Pending() && time.Since(quiet) >= l.Gap; late && looked {
				quiet, looked = time.Now(), false
				d.Silence(quiet)
			} else {
				looked = late
			}
		}
		d.Hold(last)
		for _, c := range codes {
			if !flood.take(last) {
				return l.Advice.Fault(fault.Protocol, l.Name, "read", scanner.ErrFlood)
			}
			emit(scanner.Scan{Device: l.Name, At: last, AIM: c.AIM, Data: c.Data})
		}
		if err == nil && l.OnFault != nil {
			if ferr := l.OnFault(); ferr != nil {
				return ferr
			}
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case d.Noise() > maxNoise:
			Drain(ctx, l.Port, l.Gap)
			return l.Advice.Fault(fault.Protocol, l.Name, "read", errNoise)
		case err != nil:
			return device.PlugIn.Fault(fault.Absent, l.Name, "read", err)
		}
	}
}

// drainFor is how long noise is read on before the port is given up.
const drainFor = 4 * time.Second

// Drain reads noise and forgets it until nothing has come for gap, or for four
// seconds, at some 4 MB/s: what stayed in the cable's buffers would be the first
// thing that the next attempt finds, and would hold up whoever sends it.
func Drain(ctx context.Context, p device.Port, gap time.Duration) {
	buf := make([]byte, 4096)
	pause := time.NewTimer(0)
	defer pause.Stop()
	for end := time.Now().Add(drainFor); time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		if err := device.SetReadDeadline(p, time.Now().Add(gap)); err != nil || ctx.Err() != nil {
			return
		}
		if _, err := p.Read(buf); err != nil {
			return
		}
		pause.Reset(time.Millisecond)
	}
}

// NoBarcodes is the advice when what a scanner sends makes no sense.
var NoBarcodes = device.Advice{Code: "scanner_noise", Text: lang.Text{
	ZH: "收到的数据不是条码：请检查 address 是否指向扫码枪、扫码枪的接口模式是否与 driver 一致，以及后缀设置（suffix）",
	EN: "what arrives is no barcode: check that the address leads to a scanner, that its interface mode fits the driver, and its suffix setting",
}}

// bucket allows so many codes per second over ten seconds.
type bucket struct {
	perSecond int
	level     float64
	at        time.Time
}

func (b *bucket) take(now time.Time) bool {
	b.level = max(0, b.level-now.Sub(b.at).Seconds()*float64(b.perSecond))
	b.at = now
	b.level++
	return b.level <= float64(10*b.perSecond)
}
