package till

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"tilld/internal/sale"
	"tilld/internal/strict"
	"tilld/queue"
)

const (
	// priceBatch is how many articles one commit enters while a file is read: a
	// sale never waits longer than for one such commit.
	priceBatch = 200
	// maxPrices bounds a price book, in articles.
	maxPrices = 1_000_000
	// maxArticle bounds one article of a file, in bytes.
	maxArticle = 256 << 10
)

// priceOrder is the data of pricebook.apply.
type priceOrder struct {
	Version json.RawMessage `json:"version"`
	Items   []sale.Article  `json:"items"`
	URL     string          `json:"url"`
	SHA256  string          `json:"sha256"`
	Bytes   int64           `json:"bytes"`
}

// version is the name of the book: a text, or a number as it is written.
func (r priceOrder) version() (string, bool) {
	var name string
	var number json.Number
	if json.Unmarshal(r.Version, &name) != nil && json.Unmarshal(r.Version, &number) == nil {
		name = number.String()
	}
	return name, name != "" && cut(name, 64) == name
}

// PriceBookApply is pricebook.apply. Items are entered beside what is there; a
// file replaces the whole book; a version alone restores the one before. Until
// the new book is whole the old one is in force, also after a crash.
func (t *Till) PriceBookApply(ctx context.Context, data json.RawMessage) (any, error) {
	var r priceOrder
	if err := decode(data, &r); err != nil {
		return nil, err
	}
	version, ok := r.version()
	if !ok {
		return nil, problem(sale.CodeInvalid, "version", "缺少版本号", "version is a text of 1 to 64 printable bytes, or a number")
	}
	t.bookMu.Lock()
	defer func() {
		t.bookMu.Unlock()
		t.mu.Lock()
		t.spawn(t.cleanPrices)
		t.mu.Unlock()
	}()
	switch {
	case r.URL != "" && len(r.Items) > 0:
		return nil, problem(sale.CodeInvalid, "url", "url 与 items 只能有一个", "there is either url or items")
	case r.URL != "":
		return t.enterFile(ctx, version, r)
	case r.Items != nil:
		return t.enterItems(ctx, version, r.Items)
	default:
		return t.restorePrices(ctx, version)
	}
}

// enterItems enters a few articles into the book in force, in one commit that
// also notes what they replace.
func (t *Till) enterItems(ctx context.Context, version string, items []sale.Article) (any, error) {
	if len(items) == 0 {
		return nil, problem(sale.CodeInvalid, "items", "没有商品", "items is empty")
	}
	for _, a := range items {
		if err := checkArticle(a); err != nil {
			return nil, err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.begin()
	old := t.book.bookVersion
	next := bookState{bookVersion: old}
	next.Version, next.At, next.SHA256 = version, x.at, ""
	if old.Version != "" {
		before := old
		before.Undo = true
		next.Previous = &before
	}
	x.writes = append(x.writes, func(tx *queue.Tx) error {
		if err := dropBefore(tx, queue.Prices, undoFrom, undoTo); err != nil {
			return err
		}
		n, added := 0, 0
		for _, a := range items {
			if known, err := tx.Get(queue.Prices, next.key("sku/", a.SKU)); err != nil {
				return err
			} else if known == nil {
				added++
			}
			err := next.enterArticle(a, func(key, value []byte) error {
				was, err := tx.Get(queue.Prices, key)
				if err == nil {
					err = putUndo(tx, n, key, was)
				}
				if err != nil {
					return err
				}
				n++
				return tx.Put(queue.Prices, key, value)
			})
			if err != nil {
				return err
			}
		}
		next.Items = old.Items + added
		return tx.Put(queue.State, pricesKey, mustJSON(next))
	})
	return map[string]any{"version": version, "items": len(items)}, t.newBook(ctx, x, &next)
}

// newBook commits a change of the book and reports it. t.mu is held.
func (t *Till) newBook(ctx context.Context, x *txn, next *bookState) error {
	x.report("tilld.config.applied.v1", "pricebook", configData{Keys: []string{"pricebook"}, By: "pricebook.apply", Version: next.Version, At: x.at})
	x.after = append(x.after, func() { t.book = *next })
	return x.commit(ctx)
}

// enterFile enters a file as a generation of its own, batch by batch beside the
// sales, and brings it into force with one commit when it is whole.
func (t *Till) enterFile(ctx context.Context, version string, r priceOrder) (any, error) {
	if t.o.FetchPrices == nil {
		return nil, problem(sale.CodeUnavailable, "url", "未配置价目文件来源", "no repository for price book files is configured at this till")
	}
	t.mu.Lock()
	old := t.book
	t.mu.Unlock()
	if old.Version == version && old.SHA256 != "" && strings.EqualFold(old.SHA256, r.SHA256) {
		return map[string]any{"version": version, "items": old.Items}, nil
	}
	if err := t.dropStalePrices(ctx); err != nil { // of a crash, or of a file that failed
		return nil, err
	}
	next := bookState{bookVersion: bookVersion{Version: version, SHA256: strings.ToLower(r.SHA256)}}
	err := t.o.Store.Update(ctx, func(tx *queue.Tx) (err error) {
		next.Generation, err = tx.Next(queue.Prices)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer t.entering.Store(nil)
	if next.Items, err = t.stageFile(ctx, next.bookVersion, r); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.begin()
	next.At = x.at
	if old.Version != "" {
		before := old.bookVersion
		next.Previous = &before
	}
	x.writes = append(x.writes, func(tx *queue.Tx) error { return dropBefore(tx, queue.Prices, undoFrom, undoTo) })
	x.put(queue.State, string(pricesKey), next)
	return map[string]any{"version": version, "items": next.Items}, t.newBook(ctx, x, &next)
}

// stageFile reads a JSON list of articles and enters it under a generation that
// is not in force. Memory is bounded by one batch.
func (t *Till) stageFile(ctx context.Context, b bookVersion, r priceOrder) (items int, err error) {
	unusable := func(err error) error {
		if _, ok := errors.AsType[*sale.Problem](err); ok || ctx.Err() != nil {
			return err
		}
		return problem(sale.CodeUnavailable, "url", "价目文件无法使用", "the price book file cannot be used: "+clip(err.Error(), 200))
	}
	file, err := t.o.FetchPrices(ctx, r.URL, r.SHA256, r.Bytes)
	if err != nil {
		return 0, unusable(err)
	}
	defer file.Close()
	src := &articleReader{r: file, limit: maxArticle}
	dec := json.NewDecoder(src)
	if tok, err := dec.Token(); err != nil || tok != json.Delim('[') {
		return 0, unusable(errors.Join(errors.New("it is no list of articles"), err))
	}
	batch := make([]sale.Article, 0, priceBatch)
	var raw json.RawMessage
	for dec.More() {
		var a sale.Article
		err := dec.Decode(&raw)
		if err == nil {
			err = strict.Decode(raw, &a)
		}
		if err != nil {
			return 0, unusable(fmt.Errorf("article %d: %w", items+1, err))
		}
		if err := checkArticle(a); err != nil {
			return 0, err
		}
		if items++; items > maxPrices {
			return 0, unusable(fmt.Errorf("more than %d articles", maxPrices))
		}
		src.next(dec.InputOffset())
		if batch = append(batch, a); len(batch) == priceBatch {
			if err := t.stageBatch(ctx, b, batch); err != nil {
				return 0, err
			}
			batch = batch[:0]
			t.entering.Store(&EnteringPrices{Version: b.Version, Items: items, Bytes: dec.InputOffset(), Of: r.Bytes})
		}
	}
	if _, err := dec.Token(); err != nil { // the closing bracket
		return 0, unusable(err)
	}
	src.next(dec.InputOffset())
	if _, err := dec.Token(); !errors.Is(err, io.EOF) { // size and SHA-256 are right only now
		return 0, unusable(errors.Join(errors.New("there is more after the list, or the file is another one"), err))
	}
	if items == 0 {
		return 0, problem(sale.CodeInvalid, "url", "价目文件没有商品", "the price book file has no articles")
	}
	return items, t.stageBatch(ctx, b, batch)
}

// stageBatch enters some articles in one commit, then leaves the disk to others
// for as long as it took.
func (t *Till) stageBatch(ctx context.Context, b bookVersion, batch []sale.Article) error {
	began := time.Now()
	err := t.o.Store.Update(ctx, func(tx *queue.Tx) error {
		for _, a := range batch {
			if err := b.enterArticle(a, func(key, value []byte) error { return tx.Put(queue.Prices, key, value) }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return rest(ctx, time.Since(began))
}

// rest waits, at most a tenth of a second.
func rest(ctx context.Context, d time.Duration) error {
	pause := time.NewTimer(min(d, 100*time.Millisecond))
	defer pause.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-pause.C:
		return nil
	}
}

// articleReader fails when one article is larger than limit, before it is held
// in memory as a whole.
type articleReader struct {
	r              io.Reader
	limit          int64
	read, consumed int64
}

func (a *articleReader) Read(b []byte) (int, error) {
	left := a.consumed + a.limit - a.read
	if left <= 0 {
		return 0, fmt.Errorf("an article of more than %d bytes", a.limit)
	}
	n, err := a.r.Read(b[:min(int64(len(b)), left)])
	a.read += int64(n)
	return n, err
}

// next notes that all up to offset was taken.
func (a *articleReader) next(offset int64) { a.consumed = offset }

// restorePrices brings the previous version back into force; doing it twice is
// how things were.
func (t *Till) restorePrices(ctx context.Context, version string) (any, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, was := t.book.bookVersion, t.book.Previous
	switch {
	case version == now.Version && now.Version != "":
		return map[string]any{"version": version, "items": now.Items}, nil
	case was == nil || was.Version != version:
		kept := "none"
		if was != nil {
			kept = was.Version
		}
		return nil, problem(sale.CodeInvalid, "items", "没有商品；要恢复的版本不在本机",
			"there are neither items nor url, and "+clip(version, 64)+" is not the previous version (kept: "+kept+")")
	}
	x := t.begin()
	back := *was
	back.Undo, back.At = false, x.at
	now.Undo = was.Undo
	next := bookState{bookVersion: back, Previous: &now}
	if was.Undo {
		x.writes = append(x.writes, swapUndo)
	}
	x.put(queue.State, string(pricesKey), next)
	return map[string]any{"version": version, "items": next.Items}, t.newBook(ctx, x, &next)
}

var undoFrom, undoTo = []byte("undo/"), []byte("undo0")

// undo is what the last items replaced under one key; nil when nothing was there.
type undo struct {
	Key []byte `json:"key"`
	Was []byte `json:"was"`
}

func putUndo(tx *queue.Tx, n int, key, was []byte) error {
	return tx.Put(queue.Prices, fmt.Appendf(nil, "undo/%08x", n), mustJSON(undo{key, was}))
}

// swapUndo exchanges what is there with what was.
func swapUndo(tx *queue.Tx) error {
	var list []undo
	err := tx.Range(queue.Prices, undoFrom, undoTo, func(_, v []byte) (bool, error) {
		var u undo
		err := json.Unmarshal(v, &u)
		list = append(list, u)
		return true, err
	})
	if err != nil {
		return err
	}
	// Backwards: a key that was written twice ends as it was at first. What is
	// put away then is in the order that brings the other end back.
	for i := len(list) - 1; i >= 0; i-- {
		u := list[i]
		is, err := tx.Get(queue.Prices, u.Key)
		if err == nil && u.Was == nil {
			err = tx.Delete(queue.Prices, u.Key)
		} else if err == nil {
			err = tx.Put(queue.Prices, u.Key, u.Was)
		}
		if err == nil {
			err = putUndo(tx, len(list)-1-i, u.Key, is)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// cleanPrices drops generations that are neither in force nor kept.
func (t *Till) cleanPrices(ctx context.Context) {
	if !t.bookMu.TryLock() {
		return // whoever has it cleans up, or the next hour does
	}
	defer t.bookMu.Unlock()
	if err := t.dropStalePrices(ctx); err != nil && ctx.Err() == nil {
		t.log.Warn("old price books are not cleaned up", "err", err)
	}
}

// dropStalePrices deletes in small commits. bookMu is held.
func (t *Till) dropStalePrices(ctx context.Context) error {
	for {
		began, n := time.Now(), 0
		err := t.o.Store.Update(ctx, func(tx *queue.Tx) (err error) {
			n, err = dropStale(tx)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
		if err := rest(ctx, time.Since(began)); err != nil {
			return err
		}
	}
}

// dropStale deletes up to houseBatch keys of generations that nobody needs.
func dropStale(tx *queue.Tx) (n int, err error) {
	book, err := bookIn(tx)
	if err != nil {
		return 0, err
	}
	needed := map[string]bool{"undo/": true}
	for _, b := range []*bookVersion{&book.bookVersion, book.Previous} {
		if b != nil {
			needed[section(b.Generation)] = true
		}
	}
	for from := []byte(nil); ; {
		var first []byte
		err := tx.Range(queue.Prices, from, nil, func(k, _ []byte) (bool, error) { first = k; return false, nil })
		if err != nil || first == nil {
			return 0, err
		}
		part, _, _ := strings.Cut(string(first), "/")
		end := []byte(part + "0") // '/' + 1
		own := part + "/"
		if own == "sku/" || own == "code/" {
			own = section(0)
		}
		if needed[own] {
			from = end
			continue
		}
		return dropOld(tx, queue.Prices, first, end, func(_, _ []byte) (is, more bool) { return true, true })
	}
}

// Prices says which price book is in force.
func (t *Till) Prices() PriceStatus {
	t.mu.Lock()
	b := t.book
	t.mu.Unlock()
	s := PriceStatus{Version: b.Version, Items: b.Items, At: b.At, Entering: t.entering.Load()}
	if b.Previous != nil {
		s.Previous = b.Previous.Version
	}
	return s
}
