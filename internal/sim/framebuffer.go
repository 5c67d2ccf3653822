package sim

import (
	"encoding/binary"
	"fmt"
	"image"
	"math/bits"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/makiuchi-d/gozxing"
)

// Framebuffer is a panel behind Linux's fbdev interface: picture memory that is
// written to, and four requests, laid out as in <linux/fb.h>. It is a port for a driver.
type Framebuffer struct {
	mode   FramebufferMode
	mu     sync.Mutex
	memory []byte
	top    int // first row that is shown
	pans   int
	closed bool
}

// FramebufferMode is what kind of panel it is.
type FramebufferMode struct {
	Width, Height int
	Format        string // RGB565, XRGB8888, XBGR8888, RGB888; "" is XRGB8888
	Pages         int    // of memory; 0 is 1
	Pad           int    // unused bytes at the end of each row
	NoPan         bool   // says that it has two pages, and refuses to turn
}

// layouts are bits of a pixel, and offset and length of red, green, blue.
var layouts = map[string][7]uint32{
	"RGB565": {16, 11, 5, 5, 6, 0, 5}, "XRGB8888": {32, 16, 8, 8, 8, 0, 8}, "XBGR8888": {32, 0, 8, 8, 8, 16, 8}, "RGB888": {24, 16, 8, 8, 8, 0, 8},
}

// NewFramebuffer returns a panel whose memory holds what it held at power-up.
func NewFramebuffer(m FramebufferMode) *Framebuffer {
	m.Pages = max(1, m.Pages)
	if m.Format == "" {
		m.Format = "XRGB8888"
	}
	if _, ok := layouts[m.Format]; !ok {
		panic("sim: no pixel format " + m.Format)
	}
	f := &Framebuffer{mode: m}
	f.memory = slices.Repeat([]byte{0xA5}, f.stride()*m.Height*m.Pages)
	return f
}

func (f *Framebuffer) stride() int {
	return f.mode.Width*int(layouts[f.mode.Format][0])/8 + f.mode.Pad
}

// Ioctl does what the kernel does with a request on the open device.
func (f *Framebuffer) Ioctl(request uint, arg []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	put := binary.NativeEndian.PutUint32
	switch {
	case f.closed:
		return syscall.EBADF
	case request == 0x4600 && len(arg) >= 160: // FBIOGET_VSCREENINFO
		clear(arg)
		put(arg[0:], uint32(f.mode.Width))
		put(arg[4:], uint32(f.mode.Height))
		put(arg[8:], uint32(f.mode.Width))
		put(arg[12:], uint32(f.mode.Height*f.mode.Pages))
		put(arg[20:], uint32(f.top))
		l := layouts[f.mode.Format]
		put(arg[24:], l[0])
		for i := range 3 { // struct fb_bitfield: offset, length, msb_right
			put(arg[32+12*i:], l[1+2*i])
			put(arg[36+12*i:], l[2+2*i])
		}
		return nil
	case request == 0x4602 && len(arg) >= 80: // FBIOGET_FSCREENINFO
		clear(arg)
		copy(arg, "simulated")
		long := bits.UintSize / 8
		put(arg[16+long:], uint32(len(f.memory)))
		if f.mode.Pages > 1 {
			binary.NativeEndian.PutUint16(arg[16+long+18:], 1) // ypanstep
		}
		put(arg[16+long+24:], uint32(f.stride()))
		return nil
	case request == 0x4606 && len(arg) >= 160: // FBIOPAN_DISPLAY
		top := int(binary.NativeEndian.Uint32(arg[20:]))
		if f.mode.NoPan || top+f.mode.Height > f.mode.Height*f.mode.Pages {
			return syscall.EINVAL
		}
		f.top = top
		f.pans++
		return nil
	case request == 0x4611: // FBIOBLANK
		return nil
	}
	return syscall.ENOTTY
}

// WriteAt writes into the picture's memory, as pwrite(2) on the open device does.
func (f *Framebuffer) WriteAt(b []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return 0, syscall.EBADF
	case off > int64(len(f.memory)):
		return 0, syscall.EFBIG
	}
	n := copy(f.memory[off:], b)
	if n < len(b) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

// Pans counts how often the picture was turned to.
func (f *Framebuffer) Pans() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pans
}

// Image is what a person sees. Call it while no driver draws.
func (f *Framebuffer) Image() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, f.mode.Width, f.mode.Height))
	for i, p := range f.pixels() {
		binary.BigEndian.PutUint32(img.Pix[4*i:], uint32(p)<<8|0xff)
	}
	return img
}

// Codes returns what a phone reads off the panel.
func (f *Framebuffer) Codes() []string {
	return codesIn(gozxing.NewRGBLuminanceSource(f.mode.Width, f.mode.Height, f.pixels()))
}

// pixels are those of the page that is shown, as 0xRRGGBB, row by row.
func (f *Framebuffer) pixels() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := layouts[f.mode.Format]
	bytes := int(l[0]) / 8
	level := func(pixel, at, length uint32) uint32 {
		most := uint32(1)<<length - 1
		return (pixel >> at & most) * 255 / most
	}
	list := make([]int, 0, f.mode.Width*f.mode.Height)
	var word [4]byte
	for y := range f.mode.Height {
		row := f.memory[(f.top+y)*f.stride():]
		for x := range f.mode.Width {
			copy(word[:], row[x*bytes:][:bytes])
			pixel := binary.LittleEndian.Uint32(word[:])
			list = append(list, int(level(pixel, l[1], l[2])<<16|level(pixel, l[3], l[4])<<8|level(pixel, l[5], l[6])))
		}
	}
	return list
}

// Read has nothing to give.
func (f *Framebuffer) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

// Write is not how pictures come.
func (f *Framebuffer) Write([]byte) (int, error) {
	return 0, fmt.Errorf("sim: framebuffer: %w", syscall.ENOTSUP)
}

// SetDeadline is there for ports.
func (f *Framebuffer) SetDeadline(time.Time) error { return nil }

// Close lets go of the panel, which goes on showing its memory.
func (f *Framebuffer) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return os.ErrClosed
	}
	f.closed = true
	return nil
}
