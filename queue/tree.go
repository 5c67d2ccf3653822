package queue

import (
	"math/rand/v2"
)

// entry is one record in memory: what a commit put under a key, or a tombstone.
type entry struct {
	value []byte // never changed once stored; nil = deleted
	at    int64  // when it was committed, unix milliseconds
}

// tree is a sorted map that is never changed in place: put returns a new tree
// that shares most nodes with the old one. A transaction that fails is dropped
// by forgetting its tree, and a reader keeps the tree it started with.
//
// It is a treap; keys are [fullKey]s.
type tree struct {
	root  *node
	n     int // entries, tombstones included
	bytes int // keys, values and about what a node costs
}

type node struct {
	key         string
	e           entry
	prio        uint32
	left, right *node
}

const nodeCost = 112 // bytes of a node and its slice headers

func (t tree) get(key string) (entry, bool) {
	for n := t.root; n != nil; {
		switch {
		case key < n.key:
			n = n.left
		case key > n.key:
			n = n.right
		default:
			return n.e, true
		}
	}
	return entry{}, false
}

func (t tree) put(key string, e entry) tree {
	root, old, had := t.root.put(key, e)
	t.root = root
	if had {
		t.bytes += len(e.value) - len(old.value)
	} else {
		t.n++
		t.bytes += len(key) + len(e.value) + nodeCost
	}
	return t
}

func (n *node) put(key string, e entry) (*node, entry, bool) {
	if n == nil {
		return &node{key: key, e: e, prio: rand.Uint32()}, entry{}, false
	}
	c := *n
	switch {
	case key < n.key:
		l, old, had := n.left.put(key, e)
		if l.prio > c.prio {
			c.left, l.right = l.right, &c
			return l, old, had
		}
		c.left = l
		return &c, old, had
	case key > n.key:
		r, old, had := n.right.put(key, e)
		if r.prio > c.prio {
			c.right, r.left = r.left, &c
			return r, old, had
		}
		c.right = r
		return &c, old, had
	}
	c.e = e
	return &c, n.e, true
}

// walker goes through a tree in either direction.
type walker struct {
	stack []*node
	back  bool
}

// seek returns a walker at the first key >= from, or, going back, at the last
// key < from.
func (t tree) seek(from string, back bool) *walker {
	w := &walker{back: back}
	for n := t.root; n != nil; {
		if back {
			if n.key < from {
				w.stack = append(w.stack, n)
				n = n.right
			} else {
				n = n.left
			}
		} else {
			if n.key >= from {
				w.stack = append(w.stack, n)
				n = n.left
			} else {
				n = n.right
			}
		}
	}
	return w
}

// peek returns the node the walker is at, nil at the end.
func (w *walker) peek() *node {
	if len(w.stack) == 0 {
		return nil
	}
	return w.stack[len(w.stack)-1]
}

func (w *walker) next() {
	n := w.peek()
	w.stack = w.stack[:len(w.stack)-1]
	if w.back {
		for n = n.left; n != nil; n = n.right {
			w.stack = append(w.stack, n)
		}
		return
	}
	for n = n.right; n != nil; n = n.left {
		w.stack = append(w.stack, n)
	}
}
