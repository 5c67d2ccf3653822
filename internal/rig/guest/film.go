//go:build rig

package main

import (
	"encoding/binary"
	"fmt"
	"image"
	"os"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tilld/internal/qr"
)

// Size of vivid's pictures over HDMI.
const filmWidth, filmHeight = 1280, 720

// checkCameraCode shows a QR code to the camera: what is written to vivid's output
// comes in at its input.
func checkCameraCode(t *T) {
	fd, err := unix.Open("/dev/video1", unix.O_RDWR, 0) // out of reach of the poller, which would begin to film
	t.ok(err)
	out := os.NewFile(uintptr(fd), "/dev/video1")
	defer out.Close()
	ioctl := func(request uintptr, arg unsafe.Pointer) error {
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, out.Fd(), request, uintptr(arg)); errno != 0 {
			return errno
		}
		return nil
	}
	const vidiocSFmt, vidiocQueryctrl, vidiocSCtrl = 0xc0d05605, 0xc0445624, 0xc008561c
	var format [208]byte
	put := func(at int, v uint32) { binary.LittleEndian.PutUint32(format[at:], v) }
	put(0, 2) // output
	put(8, filmWidth)
	put(12, filmHeight)
	copy(format[16:], "GREY")
	put(20, 1) // progressive
	t.ok(ioctl(vidiocSFmt, unsafe.Pointer(&format)))
	if w, h := binary.LittleEndian.Uint32(format[8:]), binary.LittleEndian.Uint32(format[12:]); w != filmWidth || h != filmHeight || string(format[16:20]) != "GREY" {
		t.Fatalf("the output is %d x %d %s", w, h, format[16:20])
	}
	var query [17]uint32
	loop := uint32(0)
	for query[0] = 0x80000000; ioctl(vidiocQueryctrl, unsafe.Pointer(&query)) == nil; query[0] |= 0x80000000 {
		name := unsafe.Slice((*byte)(unsafe.Pointer(&query[2])), 32)
		if strings.HasPrefix(string(name), "Loop Video\x00") {
			loop = query[0]
		}
	}
	on := [2]uint32{loop, 1}
	t.ok(ioctl(vidiocSCtrl, unsafe.Pointer(&on)))
	var shown atomic.Pointer[[]byte]
	shown.Store(frame(t, ""))
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				if _, err := out.Write(*shown.Load()); err != nil {
					report("LOG", "film: "+err.Error())
					return
				}
			}
		}
	}()
	defer func() { close(stop); <-ended }()
	a := start(t, fmt.Sprintf("\n  - {name: camera-1, kind: scanner, driver: camera, address: \"v4l2:///dev/video0\", options: {width: %d, height: %d, fps: 3}}", filmWidth, filmHeight))
	a.is("camera-1", "ready", 15*time.Second)
	for i := range 2 {
		text := fmt.Sprintf("https://v.example.cn/%d", i)
		at := time.Now()
		shown.Store(frame(t, text))
		t.Figure("seen %v after it was shown", a.scan(text, 30*time.Second).at.Sub(at).Round(time.Millisecond))
		shown.Store(frame(t, ""))
	}
	if all := a.scans(0); len(all) != 2 {
		t.Errorf("the ledger has %v", all)
	}
}

// frame is a picture with a code in the middle.
func frame(t *T, text string) *[]byte {
	pix := make([]byte, filmWidth*filmHeight)
	for i := range pix {
		pix[i] = 200
	}
	if text != "" {
		c, err := qr.Make(text, "M")
		t.ok(err)
		img := c.Image(8, 4)
		at := image.Pt((filmWidth-img.Rect.Dx())/2, (filmHeight-img.Rect.Dy())/2)
		for y := range img.Rect.Dy() {
			copy(pix[(at.Y+y)*filmWidth+at.X:], img.Pix[y*img.Stride:y*img.Stride+img.Rect.Dx()])
		}
	}
	return &pix
}
