package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"tilld/display/screen"
	"tilld/internal/config"
	"tilld/internal/lang"
	"tilld/internal/link"
	"tilld/internal/plainfile"
	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/queue"
)

// house is what the store makes of the customer screen: the configuration, and
// over it the playlist of head office, which is kept in <data_dir>/playlist as
// files named by their SHA-256 and one list that is replaced in one step.
type house struct {
	dir    string
	cfg    config.Screen
	source string // repository
	client *http.Client
	glass  *screen.Screen
	warn   func(msg string, args ...any)

	mu sync.Mutex // one playlist at a time

	lookMu  sync.Mutex
	look    till.ScreenLook
	changed chan struct{} // holds one when look changed

	showMu sync.Mutex
	said   string // last warnings
}

// lookEvery is how often the local folder is looked at.
const lookEvery = 30 * time.Second

// wear is how head office wants the screen to look from now on.
func (h *house) wear(l till.ScreenLook) {
	h.lookMu.Lock()
	h.look = l
	h.lookMu.Unlock()
	select {
	case h.changed <- struct{}{}:
	default:
	}
}

// run keeps the screen as configuration, head office and the local folder have it.
func (h *house) run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := h.show(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-h.changed:
		case <-tick.C:
		}
	}
}

// playlist is the data of screen.playlist, and how it is stored.
type playlist struct {
	Version string         `json:"version"`
	Items   []playlistItem `json:"items"`
}

type playlistItem struct {
	URL     string `json:"url"` // below the configured repository
	SHA256  string `json:"sha256"`
	Bytes   int64  `json:"bytes"`
	Seconds int    `json:"seconds,omitempty"`
}

const (
	playlistFile     = "current.json"
	maxPlaylistBytes = 1 << 30
)

var hexSum = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

func newHouse(c config.Config, glass *screen.Screen, warn func(string, ...any)) *house {
	return &house{
		dir: filepath.Join(c.DataDir, "playlist"), cfg: c.Screen, source: c.Firmware.Repository, glass: glass, warn: warn, changed: make(chan struct{}, 1),
		client: &http.Client{Timeout: time.Hour, CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("the repository redirects elsewhere")
		}},
	}
}

// show puts the configuration and the playlist in force onto the screen, if
// anything is different from what is there.
func (h *house) show() error {
	h.showMu.Lock()
	defer h.showMu.Unlock()
	var wrong []error
	p, err := h.stored()
	if err != nil {
		wrong = append(wrong, fmt.Errorf("the stored playlist, which is as if there were none: %w", err))
	}
	if len(p.Items) == 0 && h.cfg.PlaylistDir != "" {
		local, skipped, err := screen.Folder(h.cfg.PlaylistDir)
		if err != nil {
			wrong = append(wrong, err)
		}
		wrong = append(wrong, skipped...)
		p = local
	}
	if said := fmt.Sprint(wrong); said != h.said {
		h.said = said
		for _, err := range wrong {
			h.warn("playlist: left out", "err", err)
		}
	}
	h.lookMu.Lock()
	l := h.look
	h.lookMu.Unlock()
	want := screen.House{
		Name: cmp.Or(l.Name, h.cfg.Brand.Name), Color: cmp.Or(l.Color, h.cfg.Brand.Color), Logo: h.cfg.Brand.Logo,
		Theme: cmp.Or(l.Theme, h.cfg.Theme), Text: cmp.Or(l.Text, h.cfg.Text), Reel: p,
	}
	if reflect.DeepEqual(want, h.glass.House()) {
		return nil
	}
	return h.glass.SetHouse(want)
}

// stored is the playlist of head office with its files; without one it is empty.
func (h *house) stored() (screen.Playlist, error) {
	raw, err := plainfile.ReadFile(filepath.Join(h.dir, playlistFile))
	if errors.Is(err, fs.ErrNotExist) {
		return screen.Playlist{}, nil
	}
	if err != nil {
		return screen.Playlist{}, err
	}
	var list playlist
	if err := json.Unmarshal(raw, &list); err != nil {
		return screen.Playlist{}, err
	}
	if err := list.check(); err != nil {
		return screen.Playlist{}, err
	}
	p := screen.Playlist{Version: list.Version}
	for _, it := range list.Items {
		file := h.file(it.SHA256)
		media, err := screen.CheckFile(file, false)
		if err != nil {
			return screen.Playlist{}, err
		}
		p.Items = append(p.Items, screen.Item{File: file, Media: media, Seconds: it.Seconds})
	}
	return p, nil
}

func (h *house) file(sum string) string { return filepath.Join(h.dir, strings.ToLower(sum)) }

// playlistSet is screen.playlist: fetches what is not here yet, checks all of it,
// then switches in one step. A list without items gives the screen back to the
// store's own folder. On an error the list before stays; files that were fetched
// stay too, so that a second try goes on.
func (a *agent) playlistSet(ctx context.Context, data json.RawMessage) (any, error) {
	var list playlist
	if err := link.StrictDecode(data, &list); err != nil {
		return nil, err
	}
	if err := list.check(); err != nil {
		return nil, err
	}
	if err := a.house.set(ctx, list); err != nil {
		return nil, err
	}
	at := time.Now()
	applied, err := json.Marshal(map[string]any{"keys": []string{"screen.playlist"}, "by": "screen.playlist", "version": list.Version, "at": at})
	if err != nil {
		return nil, err
	}
	err = a.store.Update(ctx, func(tx *queue.Tx) error {
		_, err := tx.Append(queue.Message{Type: "tilld.config.applied.v1", Subject: "screen", Data: applied})
		return err
	})
	return map[string]any{"version": list.Version, "items": len(list.Items)}, err
}

func (p playlist) check() error {
	bad := func(field, zh, en string, args ...any) error {
		return &sale.Problem{Code: sale.CodeInvalid, Field: field, Detail: lang.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)}}
	}
	if p.Version == "" || len(p.Version) > 64 {
		return bad("version", "版本为 1 至 64 字节", "a version has 1 to 64 bytes")
	}
	if len(p.Items) > screen.MaxItems {
		return bad("items", "最多 %d 个文件", "at most %d files", screen.MaxItems)
	}
	total := int64(0)
	for i, it := range p.Items {
		total += it.Bytes
		switch field := fmt.Sprintf("items[%d]", i); {
		case it.URL == "" || len(it.URL) > 1024:
			return bad(field, "缺少文件地址", "an address is missing")
		case !hexSum.MatchString(it.SHA256):
			return bad(field, "sha256 须为 64 位十六进制", "sha256 has 64 hexadecimal digits")
		case it.Bytes <= 0 || it.Bytes > screen.MaxVideoBytes || total > maxPlaylistBytes:
			return bad(field, "文件过大：每个不超过 256 MiB，合计不超过 1 GiB", "too large: a file has at most 256 MiB, all together 1 GiB")
		case it.Seconds < 0 || it.Seconds > screen.MaxSeconds:
			return bad(field, "显示时间为 0 至 %d 秒", "seconds must be 0 to %d", screen.MaxSeconds)
		}
	}
	return nil
}

func (h *house) set(ctx context.Context, list playlist) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return err
	}
	for i, it := range list.Items {
		if err := h.have(ctx, it); err != nil {
			return &sale.Problem{Code: sale.CodeInvalid, Field: fmt.Sprintf("items[%d]", i), Detail: lang.Text{ZH: "文件不可用：" + err.Error(), EN: err.Error()}}
		}
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(h.dir, playlistFile), func(w *os.File) error { _, err := w.Write(raw); return err }); err != nil {
		return err
	}
	if err := h.show(); err != nil {
		return err
	}
	return h.sweep(list)
}

// have sees to it that an item's file is here, whole and of a kind that can be
// shown.
func (h *house) have(ctx context.Context, it playlistItem) error {
	file := h.file(it.SHA256)
	if sum, err := sumFile(file); err == nil && sum == strings.ToLower(it.SHA256) {
		_, err := screen.CheckFile(file, true)
		return err
	}
	if h.source == "" {
		return errors.New("no repository is configured (firmware.repository)")
	}
	rest, err := below(h.source, it.URL)
	if err != nil {
		return err
	}
	source, err := openPrices(ctx, h.client, h.source, rest)
	if err != nil {
		return err
	}
	defer source.Close()
	return replaceFile(file, func(w *os.File) error {
		sum := sha256.New()
		n, err := io.Copy(io.MultiWriter(w, sum), io.LimitReader(source, it.Bytes+1))
		if err != nil {
			return err
		}
		if n != it.Bytes || hex.EncodeToString(sum.Sum(nil)) != strings.ToLower(it.SHA256) {
			return errors.New("the file is not the one that was announced: size or SHA-256 differ")
		}
		_, err = screen.CheckFile(w.Name(), true)
		return err
	})
}

func sumFile(file string) (string, error) {
	f, err := plainfile.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// replaceFile writes a file beside the old one, syncs it, and puts it in its
// place in one step; on an error the old one stays.
func replaceFile(file string, write func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*")
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(file))
}

// sweep removes what the list does not name: files of lists before, and what a
// power cut left of a download.
func (h *house) sweep(list playlist) error {
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == playlistFile || slices.ContainsFunc(list.Items, func(it playlistItem) bool { return e.Name() == strings.ToLower(it.SHA256) }) {
			continue
		}
		if err := os.Remove(filepath.Join(h.dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
