package display

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image/png"
	"time"

	"tilld/internal/qr"
)

// Bounds of a pay code that comes as a picture.
const (
	maxPictureBytes = 1 << 20
	maxPictureSide  = 2048
)

// Live reports whether the code may be shown at now: it has not expired.
func (p *Pay) Live(now time.Time) bool {
	return p != nil && (p.ExpiresAt.IsZero() || now.Before(p.ExpiresAt))
}

// PayCode returns the pay code that a scene may show at now, made by us and read
// back: what a shopper's phone will read. ok is false when there is none: the
// scene has no code, or it has expired, or a picture from outside holds no code
// that can be read; err then says why it is not shown, if that needs saying.
func PayCode(s Scene, now time.Time) (payload string, code qr.Code, ok bool, err error) {
	p := s.Pay
	if s.Kind != Paying || !p.Live(now) || p.URL == "" && p.PicturePNGBase64 == "" {
		return "", qr.Code{}, false, nil
	}
	payload = p.URL
	if p.PicturePNGBase64 != "" {
		if payload, err = inPicture(p.PicturePNGBase64); err != nil {
			return "", qr.Code{}, false, err
		}
	}
	if code, err = qr.Make(payload, ""); err != nil {
		return "", qr.Code{}, false, err
	}
	return payload, code, true, nil
}

// inPicture reads the code in a picture.
func inPicture(b64 string) (string, error) {
	if len(b64) > base64.StdEncoding.EncodedLen(maxPictureBytes) {
		return "", errors.New("the picture of the pay code is larger than 1 MiB")
	}
	raw, err := base64.StdEncoding.DecodeString(b64)
	if err != nil {
		return "", fmt.Errorf("the picture of the pay code: %w", err)
	}
	size, err := png.DecodeConfig(bytes.NewReader(raw))
	if err != nil {
		return "", fmt.Errorf("the picture of the pay code: %w", err)
	}
	if size.Width > maxPictureSide || size.Height > maxPictureSide {
		return "", fmt.Errorf("the picture of the pay code is larger than %d pixels a side", maxPictureSide)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		return "", fmt.Errorf("the picture of the pay code: %w", err)
	}
	return qr.Read(img)
}
