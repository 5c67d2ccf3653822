package screen

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"tilld/internal/plainfile"
)

// Bounds of a playlist.
const (
	MaxItems      = 60
	MaxVideoBytes = 256 << 20
	MaxReelBytes  = 16 << 20 // of one picture
	maxReelSide   = 4096     // pixels
	MaxSeconds    = 600
)

// Playlist is what runs while the till is idle. Files are read when a page asks
// for them; a file that is gone by then is skipped by the page.
type Playlist struct {
	Version string
	Items   []Item
}

// Item is one picture or video.
type Item struct {
	File    string
	Media   string // as [Sniff] says
	Seconds int    // 0: 8 s for a picture, its own length for a video
}

// reel is a playlist as the page sees it.
type reel struct {
	Version string `json:"version,omitempty"`
	Items   []clip `json:"items"`
}

type clip struct {
	Src     string `json:"src"`
	Kind    string `json:"kind"` // picture or video
	Seconds int    `json:"seconds,omitempty"`
}

func (p Playlist) event() reel {
	r := reel{Version: p.Version, Items: []clip{}}
	for i, it := range p.Items {
		r.Items = append(r.Items, clip{Src: "/screen/reel/" + p.key(i), Kind: kindOf(it.Media), Seconds: it.Seconds})
	}
	return r
}

// key names an item so that another one never has its address.
func (p Playlist) key(i int) string {
	return strconv.Itoa(i) + "-" + strconv.FormatUint(sum(p.Version, p.Items[i].File), 36)
}

func kindOf(media string) string {
	if strings.HasPrefix(media, "video/") {
		return "video"
	}
	return "picture"
}

// Sniff says what a file really is, from its first bytes: image/png, image/jpeg,
// video/mp4 or video/webm. Anything else is an error; names do not count.
func Sniff(head []byte) (media string, err error) {
	switch {
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png", nil
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		return "image/jpeg", nil
	case len(head) >= 12 && string(head[4:8]) == "ftyp":
		return "video/mp4", nil
	case bytes.HasPrefix(head, []byte("\x1a\x45\xdf\xa3")) && bytes.Contains(head[:min(len(head), 64)], []byte("webm")):
		return "video/webm", nil
	}
	return "", errors.New("neither PNG, JPEG, MP4 nor WebM")
}

// CheckFile says what a file of a playlist is, or why it cannot be one. whole
// decodes a picture to its end, which finds a damaged one.
func CheckFile(file string, whole bool) (media string, err error) {
	f, err := plainfile.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return "", err
	}
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", err
	}
	if media, err = Sniff(head[:n]); err != nil {
		return "", err
	}
	limit := int64(MaxReelBytes)
	if kindOf(media) == "video" {
		limit = MaxVideoBytes
	}
	if st.Size() > limit {
		return "", fmt.Errorf("%d bytes; a file of %s has at most %d", st.Size(), media, limit)
	}
	if kindOf(media) == "video" {
		return media, nil
	}
	return media, checkPicture(f, media, whole)
}

func checkPicture(f io.ReadSeeker, media string, whole bool) error {
	header, decode := png.DecodeConfig, png.Decode
	if media == "image/jpeg" {
		header, decode = jpeg.DecodeConfig, jpeg.Decode
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	c, err := header(f)
	if err != nil {
		return err
	}
	if c.Width > maxReelSide || c.Height > maxReelSide || c.Width == 0 || c.Height == 0 {
		return fmt.Errorf("%dx%d pixels; at most %d a side", c.Width, c.Height, maxReelSide)
	}
	if !whole {
		return nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = decode(f)
	return err
}

// Folder makes a playlist of the pictures and videos in a folder, by name. What
// cannot be shown is left out and named in skipped.
func Folder(dir string) (p Playlist, skipped []error, err error) {
	entries, err := plainfile.ReadDir(dir)
	if err != nil {
		return Playlist{}, nil, fmt.Errorf("screen: playlist folder: %w", err)
	}
	var stamp []string
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		file := filepath.Join(dir, e.Name())
		media, err := CheckFile(file, false)
		if err != nil {
			skipped = append(skipped, fmt.Errorf("%s: %w", e.Name(), err))
			continue
		}
		if len(p.Items) == MaxItems {
			skipped = append(skipped, fmt.Errorf("%s: a playlist has at most %d files", e.Name(), MaxItems))
			continue
		}
		p.Items = append(p.Items, Item{File: file, Media: media})
		if st, err := e.Info(); err == nil {
			stamp = append(stamp, e.Name(), st.ModTime().UTC().Format(time.RFC3339Nano), strconv.FormatInt(st.Size(), 10))
		}
	}
	slices.SortFunc(p.Items, func(a, b Item) int { return strings.Compare(a.File, b.File) })
	if len(p.Items) > 0 {
		p.Version = "folder-" + strconv.FormatUint(sum(stamp...), 36)
	}
	return p, skipped, nil
}

// clip serves one file of the playlist that is on, with ranges for videos.
func (s *Screen) clip(w http.ResponseWriter, r *http.Request) {
	h, _ := s.dress()
	for i, it := range h.Reel.Items {
		if r.PathValue("item") != h.Reel.key(i) {
			continue
		}
		f, err := plainfile.Open(it.File)
		if err != nil {
			s.o.Log.Warn("file of the playlist not shown", "err", err)
			break
		}
		defer f.Close()
		// A video is read while it plays.
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(MaxSeconds * time.Second)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return
		}
		secure(w.Header())
		w.Header().Set("Content-Type", it.Media)
		http.ServeContent(w, r, "", time.Time{}, f)
		return
	}
	s.none(w)
}

// encode writes a picture as PNG, on white.
func encode(img image.Image) ([]byte, error) {
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
