package link

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"tilld/queue"
)

// benchEvents is the length of the backlog in the benchmarks.
const benchEvents = 100_000

// BenchmarkDrain drains a backlog of 1 KiB events twice in the same run: ours,
// from the queue through mosquitto to a cloud that checks the hash chain and
// signs acks, until the last ack is in the queue; and mosquitto's own bridge,
// from the first to the last message at a plain subscriber of the upper broker.
//
//	go test -run '^$' -bench Drain -benchtime 1x ./internal/link
func BenchmarkDrain(b *testing.B) {
	for b.Loop() {
		cpu := cpuTime()
		ours := drainOurs(b)
		oursCPU := cpuTime() - cpu
		bridge := drainBridge(b)
		bridgeCPU := cpuTime() - cpu - oursCPU
		b.ReportMetric(benchEvents/ours.Seconds(), "ours/s")
		b.ReportMetric(benchEvents/bridge.Seconds(), "bridge/s")
		b.ReportMetric(bridge.Seconds()/ours.Seconds(), "ratio")
		// Filling included: what a busy machine does not distort.
		b.ReportMetric(float64(oursCPU.Microseconds())/benchEvents, "ours-cpu-µs/event")
		b.ReportMetric(float64(bridgeCPU.Microseconds())/benchEvents, "bridge-cpu-µs/event")
	}
}

// BenchmarkDrainOurs is our half of it alone, for profiles.
func BenchmarkDrainOurs(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(benchEvents/drainOurs(b).Seconds(), "ours/s")
	}
}

// BenchmarkKill9 counts what is lost when the process that has accepted 20,000
// messages is killed while the upper side is down, with mosquitto's persistence
// at its defaults, with a save every second, and for us.
func BenchmarkKill9(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(lostByBridge(b, "persistence true\n"), "lost-bridge-defaults-%")
		b.ReportMetric(lostByBridge(b, "persistence true\nautosave_interval 1\n"), "lost-bridge-autosave1-%")
		b.ReportMetric(lostByUs(b), "lost-ours-%")
	}
}

// quietRig is a rig without log.
func quietRig(b *testing.B) *rig {
	r := newRig(b)
	r.opts.Log = nil
	return r
}

func drainOurs(b *testing.B) time.Duration {
	broker := startMosquitto(b, "")
	r := quietRig(b)
	c := r.startCloud(broker.url())
	r.append(0, benchEvents, 1024-409)
	list, err := r.store.Pending(0, 1, 1<<20)
	if err != nil || len(list[0].Body) < 1000 || len(list[0].Body) > 1050 {
		b.Fatalf("events of %d bytes, %v", len(list[0].Body), err)
	}
	r.opts.URL = broker.url()
	began := time.Now()
	r.start()
	for r.store.AckedSeq() < benchEvents {
		time.Sleep(time.Millisecond)
	}
	took := time.Since(began)
	inOrder(b, numbers(b, c), benchEvents)
	if err := c.Ledger().Verify(); err != nil {
		b.Fatal(err)
	}
	r.halt()
	r.closeStore()
	broker.stop()
	return took
}

// bridge is two brokers, the lower one bridging everything to the upper one.
type bridge struct {
	upper, lower *mosquitto
}

func startBridge(b *testing.B, persistence string) bridge {
	upper := startMosquitto(b, "")
	upper.stop()
	lower := startMosquitto(b, fmt.Sprintf(`allow_anonymous true
%spersistence_location %s/
connection up
address 127.0.0.1:%d
topic # out 1
cleansession false
restart_timeout 1
bridge_protocol_version mqttv311
`, persistence, b.TempDir(), upper.Port))
	return bridge{upper, lower}
}

// fill publishes n messages of 1 KiB at QoS 1 to the lower broker; all are
// PUBACKed when it returns.
func (g bridge) fill(b *testing.B, n int) {
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp" + g.lower.url()[4:]).SetClientID("source").SetProtocolVersion(4).SetStore(noStore{}))
	wait(b, c.Connect())
	defer c.Disconnect(100)
	body := make([]byte, 1024)
	var air []mqtt.Token
	for i := range n {
		copy(body, fmt.Sprintf("%08d", i))
		air = append(air, c.Publish("event", 1, false, append([]byte(nil), body...)))
		if len(air) == 100 {
			wait(b, air[0])
			air = air[1:]
		}
	}
	for _, t := range air {
		wait(b, t)
	}
}

// drain starts the upper broker with a subscriber and waits until count
// messages have come or nothing has come for 5 s.
func (g bridge) drain(b *testing.B, count int64) (got int64, took time.Duration) {
	var n, first, last atomic.Int64
	g.upper.start(b)
	defer g.upper.stop()
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp" + g.upper.url()[4:]).SetClientID("sink").SetProtocolVersion(4).SetStore(noStore{}).
		SetDefaultPublishHandler(func(mqtt.Client, mqtt.Message) {
			now := time.Now().UnixNano()
			first.CompareAndSwap(0, now)
			last.Store(now)
			n.Add(1)
		}))
	wait(b, c.Connect())
	defer c.Disconnect(100)
	wait(b, c.Subscribe("event", 1, nil))
	began := time.Now()
	for n.Load() < count {
		quiet := time.Since(began) - 30*time.Second // the bridge waits before it tries again
		if l := last.Load(); l > 0 {
			quiet = time.Since(time.Unix(0, l))
		}
		if quiet > 8*time.Second {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return n.Load(), time.Duration(last.Load() - first.Load())
}

func drainBridge(b *testing.B) time.Duration {
	g := startBridge(b, "")
	g.fill(b, benchEvents)
	got, took := g.drain(b, benchEvents)
	if got != benchEvents {
		b.Fatalf("the bridge delivered %d of %d\n%s", got, benchEvents, g.lower.log)
	}
	g.lower.stop()
	return took
}

const killEvents = 20_000

func lostByBridge(b *testing.B, persistence string) float64 {
	g := startBridge(b, persistence)
	g.fill(b, killEvents)
	g.lower.stop() // SIGKILL
	g.lower.start(b)
	got, _ := g.drain(b, killEvents)
	g.lower.stop()
	return 100 * float64(killEvents-got) / killEvents
}

func lostByUs(b *testing.B) float64 {
	broker := startMosquitto(b, "")
	r := quietRig(b)
	r.closeStore()
	dir := filepath.Join(b.TempDir(), "data")
	promised := fillByChild(b, dir, r.opts.TrustFile)
	c := r.startCloud(broker.url())
	r.clock = NewClock(time.Time{})
	var err error
	if r.store, err = queue.Open(context.Background(), queue.Options{Dir: dir, Seal: Sealer(tillSource, "boot-1", r.clock)}); err != nil {
		b.Fatal(err)
	}
	r.opts.URL = broker.url()
	r.start()
	for r.store.AckedSeq() < r.store.LastSeq() {
		time.Sleep(time.Millisecond)
	}
	got := numbers(b, c)
	r.halt()
	r.closeStore()
	broker.stop()
	return 100 * float64(max(0, promised-len(got))) / float64(promised)
}

// fillByChild has a till in a process of its own commit events, then kills it.
func fillByChild(b *testing.B, dir, trust string) int {
	cmd, lines, errs := startChild(b, dir, "mqtt://127.0.0.1:1", trust, -1, "")
	promised := 0
	for promised < killEvents && lines.Scan() {
		if _, err := fmt.Sscan(lines.Text(), &promised); err != nil {
			b.Fatalf("%s\n%s", lines.Text(), errs)
		}
		promised++
	}
	cmd.Process.Kill()
	cmd.Wait()
	return promised
}
