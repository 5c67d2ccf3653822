package tuf

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"
)

// Client follows one repository. Safe for concurrent use; one refresh or
// search runs at a time.
type Client struct {
	store Store
	src   Source
	root  []byte
	log   *slog.Logger

	mu sync.Mutex
	tm *trustedmetadata.TrustedMetadata // of the last good refresh
}

// New returns a client that trusts root, a root.json, until the store holds a
// newer one. log may be nil.
func New(store Store, src Source, root []byte, log *slog.Logger) *Client {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Client{store: store, src: src, root: root, log: log}
}

// maxRootSteps is how many root versions one refresh follows.
const maxRootSteps = 256

// Refresh brings the trusted metadata up to date. now is the reference time
// for expiry. What was accepted before an error stays stored; a refresh after
// that continues from there.
func (c *Client) Refresh(ctx context.Context, now time.Time) (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tm = nil
	defer contain(&err)
	tm, err := c.trusted(now)
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context, *trustedmetadata.TrustedMetadata) error{
		c.roots, c.timestamp, c.snapshot,
	} {
		if err := step(ctx, tm); err != nil {
			return err
		}
	}
	if err := c.load(ctx, tm, metadata.TARGETS, metadata.ROOT); err != nil {
		return err
	}
	c.tm = tm
	return nil
}

// contain turns a panic of the library, which a document found in spite of the
// checks of shape, into an error: a bad repository must not end the agent.
func contain(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the metadata made the library fail: %v", p)
	}
}

// trusted starts from the stored root, or from the first one.
func (c *Client) trusted(now time.Time) (*trustedmetadata.TrustedMetadata, error) {
	if stored := c.stored("root", metadata.ROOT); stored != nil {
		tm, err := trustedmetadata.New(stored)
		if err == nil {
			tm.RefTime = now.UTC()
			return tm, nil
		}
		c.log.Error("the stored root of trust is damaged; the first one is used again", "err", err)
	}
	if len(c.root) == 0 {
		return nil, ErrNoRoot
	}
	if err := shape(metadata.ROOT, c.root); err != nil {
		return nil, explain(err)
	}
	tm, err := trustedmetadata.New(c.root)
	if err != nil {
		return nil, explain(err)
	}
	tm.RefTime = now.UTC()
	return tm, c.store.Put("root", c.root)
}

// ErrNoRoot means that nothing says which keys to trust.
var ErrNoRoot = errors.New("no root of trust")

// stored returns a trusted copy, or nil when there is none or it is damaged.
func (c *Client) stored(name, role string) []byte {
	data, err := c.store.Get(name)
	if err == nil && data == nil {
		return nil
	}
	if err == nil {
		err = shape(role, data)
	}
	if err != nil {
		c.log.Warn("a stored copy is damaged and counts as absent", "name", name, "err", err)
		return nil
	}
	return data
}

// roots follows the chain of root versions to its end.
func (c *Client) roots(ctx context.Context, tm *trustedmetadata.TrustedMetadata) error {
	for range maxRootSteps {
		name := fmt.Sprintf("metadata/%d.root.json", tm.Root.Signed.Version+1)
		data, err := readSmall(ctx, c.src, name, maxRoot)
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrDenied) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := shape(metadata.ROOT, data); err != nil {
			return explain(err)
		}
		if _, err := tm.UpdateRoot(data); err != nil {
			return explain(err)
		}
		if err := c.store.Put("root", data); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) timestamp(ctx context.Context, tm *trustedmetadata.TrustedMetadata) error {
	if old := c.stored("timestamp", metadata.TIMESTAMP); old != nil {
		// Also an expired copy is loaded and guards against older ones.
		if _, err := tm.UpdateTimestamp(old); err != nil {
			c.log.Debug("stored timestamp", "err", err)
		}
	}
	data, err := readSmall(ctx, c.src, "metadata/timestamp.json", maxTimestamp)
	if err != nil {
		return err
	}
	if err := shape(metadata.TIMESTAMP, data); err != nil {
		return explain(err)
	}
	_, err = tm.UpdateTimestamp(data)
	if _, equal := errors.AsType[*metadata.ErrEqualVersionNumber](err); equal {
		return nil
	}
	if err != nil {
		return explain(err)
	}
	return c.store.Put("timestamp", data)
}

func (c *Client) snapshot(ctx context.Context, tm *trustedmetadata.TrustedMetadata) error {
	if old := c.stored("snapshot", metadata.SNAPSHOT); old != nil {
		if _, err := tm.UpdateSnapshot(old, true); err == nil {
			return nil
		}
	}
	meta := tm.Timestamp.Signed.Meta["snapshot.json"] // shape saw to it
	data, err := readSmall(ctx, c.src, c.metaName(tm, metadata.SNAPSHOT, meta.Version), limit(meta.Length, maxSnapshot))
	if err != nil {
		return err
	}
	if err := meta.VerifyLengthHashes(data); err != nil {
		return explain(err)
	}
	if err := shape(metadata.SNAPSHOT, data); err != nil {
		return explain(err)
	}
	if _, err := tm.UpdateSnapshot(data, false); err != nil {
		return explain(err)
	}
	return c.store.Put("snapshot", data)
}

// load brings one targets role in, verified against its delegator.
func (c *Client) load(ctx context.Context, tm *trustedmetadata.TrustedMetadata, role, parent string) error {
	meta, ok := tm.Snapshot.Signed.Meta[role+".json"]
	if !ok {
		return explain(&metadata.ErrRepository{Msg: "snapshot does not name the role " + role})
	}
	// A copy verified for another delegator must not count for this one.
	delete(tm.Targets, role)
	if old := c.stored("t/"+role, metadata.TARGETS); old != nil {
		if _, err := tm.UpdateDelegatedTargets(old, role, parent); err == nil {
			return nil
		}
	}
	data, err := readSmall(ctx, c.src, c.metaName(tm, role, meta.Version), limit(meta.Length, maxTargets))
	if err != nil {
		return err
	}
	if err := meta.VerifyLengthHashes(data); err != nil {
		return explain(err)
	}
	if err := shape(metadata.TARGETS, data); err != nil {
		return explain(err)
	}
	if _, err := tm.UpdateDelegatedTargets(data, role, parent); err != nil {
		return explain(err)
	}
	return c.store.Put("t/"+role, data)
}

func (c *Client) metaName(tm *trustedmetadata.TrustedMetadata, role string, version int64) string {
	name := url.PathEscape(role) + ".json"
	if tm.Root.Signed.ConsistentSnapshot {
		name = fmt.Sprintf("%d.%s", version, name)
	}
	return "metadata/" + name
}

func limit(length, most int64) int64 {
	if length > 0 && length < most {
		return length
	}
	return most
}
