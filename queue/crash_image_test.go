package queue

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

const sector = 512

// disk is a model of a disk under a directory: what is surely there, and the
// writes and names that no sync has covered.
type disk struct {
	names   map[string]*inode // as the process sees them
	durable map[string]*inode // as after the last sync of the directories
	pending []func(map[string]*inode)
}

// inode is one file.
type inode struct {
	synced []byte
	open   []change // since
	size   int64    // as the process sees it, for appends
}

// change is a write (data) or a truncation to off (nil).
type change struct {
	off  int64
	data []byte
	at   int // step
}

func newDisk() *disk {
	return &disk{names: map[string]*inode{}, durable: map[string]*inode{}}
}

func (d *disk) name(f func(map[string]*inode)) {
	f(d.names)
	d.pending = append(d.pending, f)
}

func (d *disk) file(path string) *inode {
	n := d.names[path]
	if n == nil {
		n = &inode{}
		d.name(func(m map[string]*inode) { m[path] = n })
	}
	return n
}

// do applies step i.
func (d *disk) do(i int, s step) {
	switch s.kind {
	case "create", "createtrunc":
		n := d.file(s.path)
		if s.kind == "createtrunc" && n.size > 0 {
			n.open = append(n.open, change{at: i})
			n.size = 0
		}
	case "write":
		n := d.file(s.path)
		n.open = append(n.open, change{off: s.off, data: s.data, at: i})
		n.size = max(n.size, s.off+int64(len(s.data)))
	case "append":
		n := d.file(s.path)
		n.open = append(n.open, change{off: n.size, data: s.data, at: i})
		n.size += int64(len(s.data))
	case "truncate":
		n := d.file(s.path)
		n.open = append(n.open, change{off: s.off, at: i})
		n.size = s.off
	case "sync":
		// Covers what was written before it began; a file that was synced has
		// its name on the disk, too, on the file systems we support.
		n := d.file(s.path)
		var rest []change
		for _, c := range n.open {
			if c.at < s.from {
				n.synced = c.apply(n.synced)
			} else {
				rest = append(rest, c)
			}
		}
		n.open = rest
	case "syncdir":
		for _, f := range d.pending {
			f(d.durable)
		}
		d.pending = nil
	case "rename":
		d.name(func(m map[string]*inode) {
			if n := m[s.path]; n != nil {
				m[s.to] = n
				delete(m, s.path)
			}
		})
	case "remove":
		d.name(func(m map[string]*inode) { delete(m, s.path) })
	}
}

func (c change) apply(b []byte) []byte {
	if c.data == nil {
		if c.off < int64(len(b)) {
			return b[:c.off:c.off]
		}
		return append(b, make([]byte, c.off-int64(len(b)))...)
	}
	if end := c.off + int64(len(c.data)); end > int64(len(b)) {
		b = append(b, make([]byte, end-int64(len(b)))...)
	}
	copy(b[c.off:], c.data)
	return b
}

// image is the content of the directory after a power cut.
type image map[string][]byte

// Ways to lose power.
const (
	keepNone = iota // nothing that was not synced is there
	keepAll
	keepSome // each sector of each write by chance, in any order
)

func (d *disk) cut(r *rand.Rand, how int) image {
	names := map[string]*inode{}
	for k, v := range d.durable {
		names[k] = v
	}
	// Names reach the disk in their order.
	n := 0
	switch how {
	case keepAll:
		n = len(d.pending)
	case keepSome:
		n = r.IntN(len(d.pending) + 1)
	}
	for _, f := range d.pending[:n] {
		f(names)
	}
	img := image{}
	for _, path := range sortedNames(names) {
		img[path] = names[path].cut(r, how)
	}
	return img
}

func sortedNames(m map[string]*inode) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

func (n *inode) cut(r *rand.Rand, how int) []byte {
	b := slices.Clone(n.synced)
	if how == keepNone {
		return b
	}
	list := slices.Clone(n.open)
	if how == keepSome {
		// Truncations are changes of metadata and keep their order; between two
		// of them, sectors arrive in any order.
		var torn []change
		for _, c := range list {
			if c.data == nil {
				if r.IntN(2) == 0 {
					torn = append(torn, c)
				}
				continue
			}
			start := len(torn)
			for at := 0; at < len(c.data); {
				size := min(sector-int(c.off+int64(at))%sector, len(c.data)-at)
				if r.IntN(3) > 0 {
					torn = append(torn, change{off: c.off + int64(at), data: c.data[at : at+size]})
				}
				at += size
			}
			r.Shuffle(len(torn)-start, func(i, j int) { torn[start+i], torn[start+j] = torn[start+j], torn[start+i] })
		}
		if r.IntN(4) == 0 { // also across writes
			r.Shuffle(len(torn), func(i, j int) {
				if torn[i].data != nil && torn[j].data != nil {
					torn[i], torn[j] = torn[j], torn[i]
				}
			})
		}
		list = torn
	}
	for _, c := range list {
		b = c.apply(b)
	}
	return b
}

// put writes an image into an empty directory.
func (img image) put(dir string) error {
	for _, d := range []string{journalDir, snapshotDir} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return err
		}
	}
	for path, b := range img {
		// Zeros at the end cost nothing this way.
		used := len(b)
		for used > 0 && b[used-1] == 0 {
			used--
		}
		f, err := os.OpenFile(filepath.Join(dir, path), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		if _, err := f.Write(b[:used]); err != nil {
			return err
		}
		if err := f.Truncate(int64(len(b))); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}
