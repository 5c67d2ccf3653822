//go:build rig

package rig

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"strings"

	"tilld/internal/qr"
)

// look takes a picture of one of the machine's monitors and says whether it shows
// the code that the order ("id text") names; without text, that it is dark.
func (q *monitor) look(order, dir string) error {
	id, text, _ := strings.Cut(order, " ")
	file := filepath.Join(dir, id+".ppm")
	command, err := json.Marshal(map[string]any{"execute": "screendump", "arguments": map[string]any{"filename": file, "device": id}})
	if err != nil {
		return err
	}
	if err := q.do(string(command)); err != nil {
		return err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	img, err := readPPM(data)
	if err != nil {
		return err
	}
	if keep := os.Getenv("TILLD_RIG_GLASS"); keep != "" {
		if err := os.WriteFile(filepath.Join(keep, id+".ppm"), data, 0o600); err != nil {
			return err
		}
	}
	if text == "" {
		for i, p := range img.Pix {
			if p > 8 {
				return fmt.Errorf("%s is not dark at %d,%d", id, i%img.Stride, i/img.Stride)
			}
		}
		return nil
	}
	got, err := qr.Read(img)
	if err == nil && got != text {
		err = fmt.Errorf("%s shows %q, not %q", id, got, text)
	}
	return err
}

// readPPM reads a picture as QEMU takes it: P6 with three bytes a pixel.
func readPPM(data []byte) (*image.Gray, error) {
	r := bufio.NewReader(bytes.NewReader(data))
	var w, h, most int
	if _, err := fmt.Fscanf(r, "P6\n%d %d\n%d\n", &w, &h, &most); err != nil || most != 255 {
		return nil, fmt.Errorf("no picture: %v", err)
	}
	img := image.NewGray(image.Rect(0, 0, w, h))
	var p [3]byte
	for y := range h {
		for x := range w {
			if _, err := io.ReadFull(r, p[:]); err != nil {
				return nil, err
			}
			img.Set(x, y, color.RGBA{p[0], p[1], p[2], 255})
		}
	}
	return img, nil
}
