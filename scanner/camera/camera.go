// Package camera reads codes from pictures: of a webcam that looks at the
// counter, or of a directory into which something else puts frames. It is a
// fallback for shops without a scanner: a scanner reads faster, in the dark, and
// from a scratched screen.
//
// A code from a camera counts once it was found in two frames, and once again
// only after it was out of sight.
package camera

import (
	"context"
	"errors"
	"image"
	"os"
	"slices"
	"time"

	"tilld/device"
	"tilld/device/nodeport"
	"tilld/internal/fault"
	"tilld/internal/lang"
	"tilld/scanner"
	"tilld/scanner/internal/reading"
)

// source gives frames.
type source interface {
	// next waits for a frame, newest first for a camera. The frame is valid until
	// the next call. A nil frame is one that could not be read.
	next(ctx context.Context) (image.Image, error)
	close() error
}

type reader struct {
	info      device.Info
	cfg       Config
	port      device.Port
	path      string
	directory bool
}

// Check reports what is wrong with the options of a configuration entry.
func Check(s device.Spec) error {
	_, err := decode(s)
	return err
}

func decode(s device.Spec) (Config, error) {
	cfg := Defaults
	cfg.Formats = slices.Clone(cfg.Formats) // or decoding would write into the defaults
	if err := s.Decode(&cfg); err != nil {
		return cfg, err
	}
	if err := cfg.check(); err != nil {
		return cfg, fault.New(fault.Config, s.Name, "open", err)
	}
	return cfg, nil
}

// Open takes over the port. Options are those of [Config].
func Open(_ context.Context, p device.Port, s device.Spec) (scanner.Scanner, error) {
	cfg, err := decode(s)
	if err != nil {
		return nil, err
	}
	at, ok := nodeport.Pather(nil), false
	if p != nil {
		at, ok = device.As[nodeport.Pather](p)
	}
	if !ok {
		return nil, fault.New(fault.Config, s.Name, "open", errors.New("a camera needs an address such as v4l2:///dev/video0 or file:///directory"))
	}
	r := &reader{info: device.Info{Name: s.Name, Driver: "camera"}, cfg: cfg, port: p, path: at.Path()}
	st, err := os.Stat(r.path)
	if err != nil {
		return nil, device.PlugIn.Fault(fault.Absent, s.Name, "open", err)
	}
	if r.directory = st.IsDir(); !r.directory && st.Mode()&os.ModeCharDevice == 0 {
		return nil, fault.New(fault.Config, s.Name, "open", errors.New("a file is no camera: name a directory of frames"))
	}
	return r, nil
}

// Info implements [device.Device].
func (r *reader) Info() device.Info { return r.info }

// Close implements [device.Device].
func (r *reader) Close() error { return r.port.Close() }

// maxBad is how many frames in a row may be no pictures.
const maxBad = 50

// Run implements [scanner.Scanner]. It fails with kind Config when the camera has
// no picture format that is known here, Absent when it or the directory is gone,
// Timeout when it sends no pictures, Protocol when what it sends are none.
func (r *reader) Run(ctx context.Context, emit func(scanner.Scan)) error {
	src, err := r.open()
	if err != nil {
		return err
	}
	err = r.watch(ctx, src, emit)
	if cerr := src.close(); err == nil {
		err = cerr
	}
	return err
}

func (r *reader) open() (source, error) {
	if r.directory {
		return &folder{name: r.info.Name, path: r.path}, nil
	}
	return openCamera(r.info.Name, r.path, r.cfg)
}

func (r *reader) watch(ctx context.Context, src source, emit func(scanner.Scan)) error {
	find, judge := newFinder(r.cfg), r.cfg.judge(r.directory)
	bad, empty := 0, false
	var before still
	for n := 0; ; n++ {
		began := time.Now()
		img, err := src.next(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		at := time.Now()
		var g *image.Gray
		if img != nil {
			if g, err = gray(img, r.cfg.MaxPixels); err != nil {
				g = nil // too large: as good as none
			}
		}
		if bad++; g != nil {
			bad = 0
			var c reading.Code
			var ok bool
			// At least one frame a second is looked at.
			if skip := !r.directory && before.same(g, r.cfg.FPS-1) && empty; !skip {
				c, ok = find.find(g, r.cfg.Inverted && (r.directory || n%2 == 1))
			}
			empty = !ok
			if judge.frame(c, ok, at) {
				emit(scanner.Scan{Device: r.info.Name, At: at, AIM: c.AIM, Data: c.Data})
			}
		}
		if bad > maxBad {
			return noPictures.Fault(fault.Protocol, r.info.Name, "read", errors.New("no picture in many frames"))
		}
		if !r.directory {
			pause(ctx, time.Second/time.Duration(r.cfg.FPS)-time.Since(began))
		}
	}
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

var noPictures = device.Advice{Code: "no_pictures", Text: lang.Text{
	ZH: "收到的数据不是图像：请检查摄像头，或目录中的文件是否为完整的 PNG/JPEG（最大 1600 万像素）",
	EN: "what arrives are no pictures: check the camera, or whether the directory's files are whole PNG or JPEG files of at most 16 megapixels",
}}
