package camera

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"slices"
	"syscall"

	"github.com/blackjack/webcam"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/internal/lang"
)

// Picture formats of Video4Linux (videodev2.h), the cheapest first: those with a
// plane of brightness, then packed ones, then JPEG.
var known = []struct {
	code webcam.PixelFormat
	step int // bytes from one pixel's brightness to the next; 0: JPEG
}{
	{fourcc("GREY"), 1}, {fourcc("NV12"), 1}, {fourcc("YU12"), 1}, {fourcc("YUYV"), 2}, {fourcc("MJPG"), 0}, {fourcc("JPEG"), 0},
}

func fourcc(s string) webcam.PixelFormat {
	return webcam.PixelFormat(uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24)
}

const (
	buffers   = 4 // frames that the kernel holds
	patience  = 5 // seconds without a frame
	oneSecond = 1
)

// video is a camera that is running.
type video struct {
	name string
	cam  *webcam.Webcam
	step int
	size image.Point
	gray *image.Gray // reused
}

func openCamera(name, path string, c Config) (source, error) {
	cam, err := webcam.Open(path)
	if err != nil {
		return nil, classify(name, "open", err)
	}
	v := &video{name: name, cam: cam}
	if err := v.start(c); err != nil {
		return nil, errors.Join(err, cam.Close())
	}
	return v, nil
}

func (v *video) start(c Config) error {
	offered := v.cam.GetSupportedFormats()
	i := slices.IndexFunc(known, func(k struct {
		code webcam.PixelFormat
		step int
	},
	) bool {
		_, ok := offered[k.code]
		return ok
	})
	if i < 0 {
		return otherFormat.Fault(fault.Config, v.name, "open", fmt.Errorf("the camera offers %v", offered))
	}
	v.step = known[i].step
	w, h := nearest(v.cam.GetSupportedFrameSizes(known[i].code), c.Width, c.Height)
	if _, _, _, err := v.cam.SetImageFormat(known[i].code, uint32(w), uint32(h)); err != nil {
		return classify(v.name, "set the picture format", err)
	}
	v.size = image.Pt(w, h)
	v.gray = image.NewGray(image.Rectangle{Max: v.size})
	if err := v.cam.SetBufferCount(buffers); err != nil {
		return classify(v.name, "open", err)
	}
	if err := v.cam.StartStreaming(); err != nil {
		return classify(v.name, "start", err)
	}
	return nil
}

// nearest returns the offered size whose area is closest to the one wanted.
func nearest(list []webcam.FrameSize, w, h int) (int, int) {
	best, found := webcam.FrameSize{MaxWidth: uint32(w), MaxHeight: uint32(h)}, false
	off := func(f webcam.FrameSize) int {
		d := int(f.MaxWidth)*int(f.MaxHeight) - w*h
		return max(d, -d)
	}
	for _, f := range list {
		stepwise := int(f.MinWidth) <= w && w <= int(f.MaxWidth) && int(f.MinHeight) <= h && h <= int(f.MaxHeight)
		if stepwise && (f.StepWidth > 0 || f.StepHeight > 0) {
			return w, h
		}
		if !found || cmp.Less(off(f), off(best)) {
			best, found = f, true
		}
	}
	return int(best.MaxWidth), int(best.MaxHeight)
}

func (v *video) next(ctx context.Context) (image.Image, error) {
	for waited := 0; ; waited++ {
		err := v.cam.WaitForFrame(oneSecond)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil {
			break
		}
		if _, none := errors.AsType[*webcam.Timeout](err); !none && !errors.Is(err, syscall.EINTR) {
			return nil, classify(v.name, "read", err)
		}
		if waited+1 >= patience {
			return nil, noFrames.Fault(fault.Timeout, v.name, "read", err)
		}
	}
	b, index, err := v.cam.GetFrame()
	if err != nil {
		if errors.Is(err, syscall.EAGAIN) {
			return nil, nil
		}
		return nil, classify(v.name, "read", err)
	}
	img := v.picture(b)
	if err := v.cam.ReleaseFrame(index); err != nil {
		return nil, classify(v.name, "read", err)
	}
	return img, nil
}

// picture copies a frame out of the kernel's buffer; nil when it is torn.
func (v *video) picture(b []byte) image.Image {
	if v.step == 0 {
		img, err := jpeg.Decode(bytes.NewReader(b))
		if err != nil || img.Bounds().Size() != v.size {
			return nil
		}
		return img
	}
	if len(b) < v.step*len(v.gray.Pix) {
		return nil
	}
	for i := range v.gray.Pix {
		v.gray.Pix[i] = b[i*v.step]
	}
	return v.gray
}

func (v *video) close() error {
	if err := v.cam.Close(); err != nil {
		return classify(v.name, "close", err)
	}
	return nil
}

func classify(name, op string, err error) error {
	switch {
	case errors.Is(err, syscall.EBUSY):
		return device.HeldByOther.Fault(fault.Busy, name, op, err)
	case errors.Is(err, syscall.EACCES):
		return device.JoinGroup.With("node", "/dev/video*", "group", "video").Fault(fault.Config, name, op, err)
	case errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.EIO), errors.Is(err, syscall.EBADF):
		return device.PlugIn.Fault(fault.Absent, name, op, err)
	}
	return device.CheckAddress.With("why", err.Error()).Fault(fault.Protocol, name, op, err)
}

var (
	otherFormat = device.Advice{Code: "picture_format", Text: lang.Text{
		ZH: "不支持这个摄像头的图像格式：请换用提供 YUYV 或 MJPEG 的 USB 摄像头",
		EN: "the camera's picture formats are not supported: use a USB camera with YUYV or MJPEG",
	}}
	noFrames = device.Advice{Code: "no_frames", Text: lang.Text{
		ZH: "摄像头没有图像：请重新插拔",
		EN: "the camera sends no pictures: unplug it and plug it in again",
	}}
)
