// Package framebuffer draws scenes into a Linux framebuffer (/dev/fbN): customer
// screens on a machine without a desktop, such as the small panels of cash desks.
// No browser, no fonts of the system: text is drawn from the glyph atlas, the pay
// code with whole pixels for each module.
//
// The code is read back from the finished picture before anybody sees it, and a
// picture is shown whole: on a second page that is turned to where the controller
// has one, else in one pass from top to bottom. A nil error says that the
// controller has the picture; whether a panel is connected cannot be known.
//
// Source: <linux/fb.h> (FBIOGET_VSCREENINFO, FBIOGET_FSCREENINFO, FBIOPAN_DISPLAY).
package framebuffer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"sync"
	"time"

	"tilld/device"
	"tilld/display"
	"tilld/internal/atlas"
	"tilld/internal/fault"
	"tilld/internal/qr"
)

// Config is what an operator may set.
type Config struct {
	Blank bool `json:"blank"` // a black picture when the agent stops
}

// Defaults suits any panel.
var Defaults = Config{Blank: true}

// Check reports what is wrong with the options of a configuration entry.
func Check(s device.Spec) error {
	_, err := decode(s)
	return err
}

func decode(s device.Spec) (Config, error) {
	cfg := Defaults
	return cfg, s.Decode(&cfg)
}

// glass is one framebuffer.
type glass struct {
	info device.Info
	cfg  Config
	port device.Port
	k    kernel
	m    mode

	mu     sync.Mutex
	closed bool
	page   int       // that is shown
	shown  [2][]byte // what was written to each page; nil: not known
	last   display.Scene
	c      *canvas
	code   payCode

	withheld error // why the last picture has not the scene's pay code
}

// payCode is the pay code drawn last, made and read back once.
type payCode struct {
	url, picture string
	payload      string
	symbol       qr.Code
	drawn        box // where it was read back
}

var (
	_ display.Graphic    = (*glass)(nil)
	_ display.Withholder = (*glass)(nil)
)

// Open blanks the picture: whatever an earlier run left there is gone. Options are
// checked before anything is touched.
func Open(_ context.Context, p device.Port, s device.Spec) (display.Display, error) {
	cfg, err := decode(s)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fault.New(fault.Config, s.Name, "open", errors.New("a framebuffer needs an address: fb:///dev/fb0"))
	}
	k, ok := device.As[kernel](p)
	if !ok {
		if k, err = kernelOf(p); err != nil {
			return nil, device.CheckAddress.With("why", err.Error()).Fault(fault.Config, s.Name, "open", err)
		}
	}
	m, err := readMode(k)
	if err != nil {
		return nil, device.CheckAddress.With("why", err.Error()).Fault(fault.Config, s.Name, "open", err)
	}
	set, err := atlas.Load()
	if err != nil {
		return nil, fault.New(fault.Corrupt, s.Name, "open", err)
	}
	d := &glass{
		info: device.Info{Name: s.Name, Driver: "framebuffer", Model: "framebuffer " + size(m)},
		cfg:  cfg, port: p, k: k, m: m, c: newCanvas(m.width, m.height, set),
	}
	err = d.black()
	if errors.Is(err, fs.ErrPermission) {
		return nil, device.JoinGroup.With("node", s.Address, "group", "video").Fault(fault.Config, s.Name, "open", err)
	}
	if err != nil {
		return nil, fault.New(fault.Absent, s.Name, "open", err)
	}
	k.Ioctl(blank, nil) // a panel that slept wakes up; not every controller can
	return d, nil
}

func (d *glass) Info() device.Info { return d.info }

// Dots implements [display.Graphic].
func (d *glass) Dots() int { return codeSide(d.m.width, d.m.height) }

// Next implements [display.Animator]: the countdown's next second.
func (d *glass) Next(s display.Scene, now time.Time) time.Time {
	if s.Kind != display.Paying || !s.Pay.Live(now) || s.Pay.ExpiresAt.IsZero() {
		return time.Time{}
	}
	part := s.Pay.ExpiresAt.Sub(now) % time.Second
	if part == 0 {
		part = time.Second
	}
	return now.Add(part)
}

// Show implements [display.Display].
func (d *glass) Show(ctx context.Context, s display.Scene) error {
	if err := ctx.Err(); err != nil {
		return fault.New(fault.Timeout, d.info.Name, "show", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return fault.New(fault.Absent, d.info.Name, "show", fs.ErrClosed)
	}
	now := time.Now()
	d.draw(s, now)
	err := d.put(reflect.DeepEqual(s, d.last))
	d.last = s
	if err != nil {
		return fault.New(fault.Absent, d.info.Name, "show", err)
	}
	return nil
}

// draw makes the picture of a scene, with its pay code if that can be read back.
func (d *glass) draw(s display.Scene, now time.Time) {
	v := view{canvas: d.c, scene: s, now: now}
	found, err := d.find(s, now)
	if found {
		v.code = &d.code.symbol
	}
	where := v.draw()
	if found {
		err = d.readBack(where)
	}
	if d.withheld = err; found && err != nil {
		v.code = nil // a code that we cannot read off the picture is no code
		v.draw()
	}
}

// readBack reports why the pay code at where cannot be read off the picture.
func (d *glass) readBack(where box) error {
	switch {
	case where == (box{}):
		return fmt.Errorf("the code needs %d pixels a side, there are %d", (d.code.symbol.Size+2*qr.Quiet)*minScale, d.Dots())
	case where == d.code.drawn:
		return nil
	}
	text, err := qr.Read(d.c.gray(where))
	if err != nil {
		return err
	}
	if text != d.code.payload {
		return errors.New("the code does not read as it should")
	}
	d.code.drawn = where
	return nil
}

// Withheld implements [display.Withholder].
func (d *glass) Withheld() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.withheld
}

// find has the scene's pay code in d.code, or reports false; the error says why
// one is left out.
func (d *glass) find(s display.Scene, now time.Time) (bool, error) {
	if p := s.Pay; p != nil && s.Kind == display.Paying && p.Live(now) && d.code.payload != "" && d.code.url == p.URL && d.code.picture == p.PicturePNGBase64 {
		return true, nil
	}
	d.code = payCode{}
	payload, symbol, ok, err := display.PayCode(s, now)
	if !ok {
		return false, err
	}
	d.code = payCode{url: s.Pay.URL, picture: s.Pay.PicturePNGBase64, payload: payload, symbol: symbol}
	return true, nil
}

// put brings the picture onto the glass. Rows that are there already are left
// alone while the same scene counts down.
func (d *glass) put(same bool) error {
	page := 0
	if d.m.pages == 2 {
		page = 1 - d.page
	}
	picture := make([]byte, d.m.height*d.m.stride)
	for y := range d.m.height {
		d.m.put(picture[y*d.m.stride:], d.c.row(y))
	}
	was := d.shown[page]
	d.shown[page] = nil // until all of it is written
	if !same {
		was = nil
	}
	for from, to := range d.m.changed(was, picture) {
		if _, err := d.k.WriteAt(picture[from:to], int64(page*d.m.height*d.m.stride+from)); err != nil {
			return err
		}
	}
	d.shown[page] = picture
	if d.m.pages == 1 {
		return nil
	}
	if err := d.k.Ioctl(pan, d.m.panTo(page)); err != nil {
		if page == 0 {
			return err // the old picture is on the glass and cannot be taken off
		}
		d.m.pages = 1 // it says that it can, and cannot: draw on the page that is shown
		return d.put(false)
	}
	d.page = page
	return nil
}

// black clears all pages.
func (d *glass) black() error {
	d.shown = [2][]byte{}
	_, err := d.k.WriteAt(make([]byte, d.m.bytes()), 0)
	return err
}

// Close makes the picture black and closes the port.
func (d *glass) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var err error
	if !d.closed && (d.cfg.Blank || d.last.Pay != nil) {
		err = d.black()
	}
	d.closed = true
	return errors.Join(err, d.port.Close())
}
