package camera

import (
	"errors"
	"fmt"
	"image"
	"net/url"
	"syscall"
	"testing"

	"github.com/blackjack/webcam"

	"tilld/device"
	"tilld/device/nodeport"
	"tilld/internal/fault"
)

// A device that is no camera: what the real code says, without hardware.
func TestNoCamera(t *testing.T) {
	_, err := nodeport.New("", "video4linux").Open(t.Context(), &url.URL{Scheme: "v4l2", Path: "/dev/ptmx"})
	if advice, _ := device.AdviceOf(err); fault.KindOf(err) != fault.Config || advice.Code != "wrong_address" {
		t.Errorf("the port: %v", err)
	}
	if _, err := openCamera("scanner-1", "/dev/ptmx", Defaults); fault.KindOf(err) == fault.Unknown {
		t.Errorf("%v, want a fault", err)
	}
}

func TestFramesOfEachFormat(t *testing.T) {
	g := scene(640, 480, code(t, qr, "https://t.cn/x", 4), 0, 5, 1)
	yuyv := make([]byte, 2*len(g.Pix))
	for i, v := range g.Pix {
		yuyv[2*i], yuyv[2*i+1] = v, 128
	}
	for name, tt := range map[string]struct {
		step int
		data []byte
	}{"grey": {1, g.Pix}, "nv12": {1, append(append([]byte{}, g.Pix...), make([]byte, len(g.Pix)/2)...)}, "yuyv": {2, yuyv}} {
		v := video{step: tt.step, size: image.Pt(640, 480), gray: image.NewGray(image.Rect(0, 0, 640, 480))}
		img := v.picture(tt.data)
		if img == nil {
			t.Fatalf("%s: no picture", name)
		}
		p, err := gray(img, MaxPixels)
		if err != nil {
			t.Fatal(err)
		}
		if c, ok := newFinder(Defaults).find(p, false); !ok || string(c.Data) != "https://t.cn/x" {
			t.Errorf("%s: %q, %v", name, c.Data, ok)
		}
		if v.picture(tt.data[:1000]) != nil {
			t.Errorf("%s: a torn frame is a picture", name)
		}
	}
	if (&video{size: image.Pt(640, 480)}).picture([]byte("\xff\xd8 no JPEG")) != nil {
		t.Error("a torn JPEG is a picture")
	}
}

func TestSizeOfPictures(t *testing.T) {
	discrete := func(w, h uint32) webcam.FrameSize {
		return webcam.FrameSize{MinWidth: w, MaxWidth: w, MinHeight: h, MaxHeight: h}
	}
	for _, tt := range []struct {
		list []webcam.FrameSize
		want string
	}{
		{nil, "1280 720"},
		{[]webcam.FrameSize{discrete(640, 480), discrete(1280, 720), discrete(1920, 1080)}, "1280 720"},
		{[]webcam.FrameSize{discrete(320, 240), discrete(640, 480)}, "640 480"},
		{[]webcam.FrameSize{discrete(1920, 1080), discrete(3840, 2160)}, "1920 1080"},
		{[]webcam.FrameSize{{MinWidth: 32, MaxWidth: 4096, StepWidth: 2, MinHeight: 32, MaxHeight: 4096, StepHeight: 2}}, "1280 720"},
	} {
		w, h := nearest(tt.list, 1280, 720)
		if got := fmt.Sprint(w, h); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.list, got, tt.want)
		}
	}
}

func TestFaultsOfCameras(t *testing.T) {
	for err, want := range map[error]fault.Kind{
		syscall.EBUSY: fault.Busy, syscall.EACCES: fault.Config, syscall.ENODEV: fault.Absent, syscall.EINVAL: fault.Protocol, errors.New("x"): fault.Protocol,
	} {
		if got := fault.KindOf(classify("scanner-1", "open", err)); got != want {
			t.Errorf("%v is %v, want %v", err, got, want)
		}
	}
}
