package link

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tilld/internal/cloud"
	"tilld/queue"
)

// childEnv makes the test binary a till: data directory, broker, trust file, the
// number of events after which it only drains, and the mall's broker ("" = no
// mall), separated by "|".
const childEnv = "TILLD_LINK_TEST_TILL"

func TestMain(m *testing.M) {
	if s := os.Getenv(childEnv); s != "" {
		if err := childTill(strings.Split(s, "|")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// childTill commits numbered events as fast as it can and prints each number
// once it is on disk, until it is killed; with a limit it drains and ends.
func childTill(args []string) error {
	dir, url, trust := args[0], args[1], args[2]
	limit, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	clock := NewClock(time.Time{})
	o := queue.Options{Dir: dir, Seal: Sealer(tillSource, "boot", clock)}
	if args[4] != "" {
		if o.Copies, err = Copier(View{Events: []string{"sale.closed"}, Redact: []string{"member"}}, tillSource, "boot", clock, 0); err != nil {
			return err
		}
	}
	store, err := queue.Open(ctx, o)
	if err != nil {
		return err
	}
	defer store.Close()
	l, err := New(Options{URL: url, Merchant: "acme", Store: "sh-001", Till: "03", TrustFile: trust, Clock: clock}, store, nil)
	if err != nil {
		return err
	}
	links := []*Link{l}
	if args[4] != "" {
		m, err := NewMall(Options{URL: args[4], Merchant: "acme", Store: "sh-001", Till: "03", TrustFile: trust, Clock: clock}, store.Copies(), store)
		if err != nil {
			return err
		}
		links = append(links, m)
	}
	var running sync.WaitGroup
	running.Go(func() { store.Run(ctx) })
	for _, l := range links {
		l.timing.first, l.timing.most, l.timing.takeover = 5*time.Millisecond, 50*time.Millisecond, 5*time.Millisecond
		l.timing.progress = 300 * time.Millisecond
		running.Go(func() { l.Run(ctx) })
	}
	out := bufio.NewWriter(os.Stdout)
	for limit < 0 {
		var n int
		err := store.Update(ctx, func(tx *queue.Tx) error {
			v, err := tx.Get(queue.State, []byte("n"))
			if err != nil {
				return err
			}
			n, _ = strconv.Atoi(string(v)) // 0 at first
			kind := []string{"tilld.test.v1", "tilld.sale.closed.v1"}[n%2]
			if _, err := tx.Append(queue.Message{Type: kind, Data: fmt.Appendf(nil, `{"n":%d,"member":"secret","pad":"%0200d"}`, n, 0)}); err != nil {
				return err
			}
			return tx.Put(queue.State, []byte("n"), strconv.AppendInt(nil, int64(n+1), 10))
		})
		if err != nil {
			return err
		}
		fmt.Fprintln(out, n)
		out.Flush()
	}
	for store.AckedSeq() < store.LastSeq() || len(links) > 1 && store.Copies().AckedSeq() < store.Copies().LastSeq() {
		time.Sleep(5 * time.Millisecond)
	}
	fmt.Fprintln(out, store.LastSeq())
	out.Flush()
	cancel()
	running.Wait()
	return nil
}

// startChild starts the test binary as a till.
func startChild(t testing.TB, dir, url, trust string, limit int, mall string) (*exec.Cmd, *bufio.Scanner, *lockedBuffer) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+strings.Join([]string{dir, url, trust, strconv.Itoa(limit), mall}, "|"))
	errs := &lockedBuffer{}
	cmd.Stderr = errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	dieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out), errs
}

// A till is killed again and again while its brokers, the cloud's and the
// mall's, come and go, lose acks and hang up in the middle. Nothing that was
// committed is missing in the cloud, nothing is there twice, and everything is
// in order; the same holds for the mall's copies.
func TestKillLoop(t *testing.T) {
	rounds := 100
	if testing.Short() {
		rounds = 10
	}
	r := newRig(t)
	ledger, malls := cloud.NewLedger(), cloud.NewLedger()
	var flaky atomic.Bool
	flaky.Store(true)
	var births, resent atomic.Int64
	b := r.flakyBroker(ledger, &flaky, &births, &resent)
	mall := r.flakyBroker(malls, &flaky, new(atomic.Int64), new(atomic.Int64))
	url, mallURL := b.listen(), mall.listen()
	dir := filepath.Join(t.TempDir(), "data")
	till := func(limit int) (*exec.Cmd, *bufio.Scanner, *lockedBuffer) {
		return startChild(t, dir, url, r.opts.TrustFile, limit, mallURL)
	}
	promised := -1
	rnd := rand.New(rand.NewPCG(uint64(rounds), 1))
	began := time.Now()
	for round := range rounds {
		cmd, lines, errs := till(-1)
		life := time.Duration(rnd.IntN(120)) * time.Millisecond
		first := true
		for lines.Scan() {
			n, err := strconv.Atoi(lines.Text())
			if err != nil || n <= promised {
				t.Fatalf("round %d: the till says %q after %d", round, lines.Text(), promised)
			}
			promised = n
			if first { // it counts from the first commit, however slow the machine is
				first = false
				time.AfterFunc(life, func() { cmd.Process.Kill() })
			}
		}
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != -1 {
			t.Fatalf("round %d: the till ended by itself: %v\n%s", round, err, errs)
		}
	}
	flaky.Store(false)
	cmd, lines, errs := till(0)
	lines.Scan()
	last, _ := strconv.Atoi(lines.Text())
	if err := cmd.Wait(); err != nil {
		t.Fatalf("last run: %v\n%s", err, errs)
	}
	events := ledger.Events(tillSource, 0)
	for i, e := range events {
		var d struct{ N int }
		if err := json.Unmarshal(e.Data, &d); err != nil || d.N != i {
			t.Fatalf("event %d of the cloud is number %d (%v)", i, d.N, err)
		}
	}
	if err := ledger.Verify(); err != nil {
		t.Error(err)
	}
	if err := malls.Verify(); err != nil {
		t.Error(err)
	}
	copied := 1 // after the rule
	list := malls.Events(tillSource, 0)
	for _, e := range events {
		if e.Type != "tilld.sale.closed.v1" {
			continue
		}
		if copied == len(list) {
			t.Fatalf("the mall has %d copies, and none of event %d", copied, e.Sequence)
		}
		var of struct {
			OriginalID, OriginalHash string
			Data                     struct{ N int }
		}
		if err := json.Unmarshal(list[copied].Body, &of); err != nil || of.OriginalHash != hex.EncodeToString(e.Hash[:]) || of.OriginalID != fmt.Sprintf("%s-%d", e.Epoch, e.Sequence) {
			t.Fatalf("copy %d is %s; next is event %d with hash %x", copied, list[copied].Body, e.Sequence, e.Hash)
		}
		copied++
	}
	if copied != len(list) {
		t.Errorf("the mall has %d copies, %d belong there", len(list), copied)
	}
	if len(events) <= promised || len(events) != last {
		t.Errorf("the cloud has %d events; the till promised 0 to %d and ended at %d", len(events), promised, last)
	}
	t.Logf("%d kills in %v: %d events promised, %d delivered, %d connections, %d batches came again",
		rounds, time.Since(began).Round(time.Second), promised+1, len(events), births.Load(), resent.Load())
}

// flakyBroker is a broker with a cloud behind it that refuses, dies and loses
// acks as long as flaky is set.
func (r *rig) flakyBroker(ledger *cloud.Ledger, flaky *atomic.Bool, births, resent *atomic.Int64) *fakeBroker {
	t := r.t
	b := &fakeBroker{t: t}
	var mu sync.Mutex
	rnd := rand.New(rand.NewPCG(8, 100))
	draw := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return rnd.IntN(n)
	}
	b.onConnect = func(*packet) byte {
		if flaky.Load() && draw(8) == 0 {
			return 3 // server unavailable
		}
		return 0
	}
	b.onPublish = func(c *fakeConn, p *packet) bool {
		b.mu.Lock()
		b.got = nil // the ledger keeps what counts
		b.mu.Unlock()
		if strings.HasSuffix(p.topic, "/status") {
			births.Add(1)
		}
		if !strings.HasSuffix(p.topic, "/event") {
			return true
		}
		chance := draw(100)
		if flaky.Load() && chance < 3 { // the broker dies with the batch
			c.c.Close()
			return false
		}
		v, err := ledger.Ingest(tillSource, p.body)
		if err != nil {
			t.Errorf("batch: %v", err)
		}
		if v.Fork {
			t.Errorf("fork: %v", ledger.Alarms())
		}
		if len(v.New) == 0 {
			resent.Add(1)
		}
		if flaky.Load() && chance < 6 { // … after it was stored, before the PUBACK
			c.c.Close()
			return false
		}
		c.puback(p)
		if !flaky.Load() || chance > 20 { // some acks get lost
			c.send("ack", r.ackToken(v.Epoch, v.Through, hex.EncodeToString(v.Hash[:])))
		}
		return false
	}
	return b
}
