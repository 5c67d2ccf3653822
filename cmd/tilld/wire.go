package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tilld/device"
	"tilld/device/detect"
	"tilld/display"
	"tilld/display/screen"
	"tilld/firmware"
	"tilld/internal/config"
	"tilld/internal/fault"
	"tilld/internal/feed"
	"tilld/internal/health"
	"tilld/internal/lang"
	"tilld/internal/link"
	"tilld/internal/run"
	"tilld/internal/status"
	"tilld/internal/till"
	"tilld/printer"
	"tilld/printer/layout"
	"tilld/printer/receiptline"
	"tilld/queue"
)

// agent is the whole daemon: this file builds its parts and connects them.
type agent struct {
	cfg     config.Config
	log     *slog.Logger
	level   *slog.LevelVar
	held    *logRing // the newest lines of log
	bootID  string
	restart func()

	health health.Board
	board  device.Board
	feed   *feed.Feed
	stage  *display.Stage
	store  *queue.Store
	link   *link.Link
	mall   *link.Link // nil when there is none
	till   *till.Till
	engine atomic.Pointer[till.Till] // till, for whoever may ask before it is there
	kit    *kit
	house  *house
}

// run builds the agent, runs it until ctx ends, and stops it in order.
func (a *agent) run(ctx context.Context) error {
	opening, opened := context.WithCancel(ctx)
	defer opened()
	go a.starting(opening)
	clock := link.NewClock(buildTime())
	source := a.cfg.Cloud.TopicRoot + "/" + a.cfg.Path()
	copies, err := a.copier(clock)
	if err != nil {
		return err
	}
	seal := link.Sealer(source, a.bootID, clock)
	if a.cfg.Mall.URL != "" {
		seal = link.SaltedSealer(source, a.bootID, clock)
	}
	seal = a.attributed(seal)
	store, err := queue.Open(ctx, queue.Options{
		Dir: a.cfg.DataDir, Seal: seal, Copies: copies,
		MaxBytes: int64(a.cfg.Queue.MaxBytes), ReserveBytes: int64(a.cfg.Queue.ReserveBytes),
		KeepAcked: a.cfg.Queue.KeepAcked.Std(), Log: a.log.With("part", "queue"), Health: &a.health,
		CheckCommand: checkCommand(a.cfg.DataDir), HouseTime: a.houseTime,
	})
	if err != nil {
		return err
	}
	a.store = store
	parts, err := a.parts(ctx, clock)
	if err == nil {
		err = withRoom(ctx, a.log, func() error { return a.noteVersion(ctx) })
	}
	if err != nil && ctx.Err() != nil {
		return store.Close() // stopped while it waited
	}
	if err != nil {
		return errors.Join(err, store.Close())
	}
	opened()
	a.log.Info("starting", "version", version, "till", a.cfg.Path(), "boot", a.bootID, "epoch", store.Epoch())
	err = run.Group(ctx, a.log, parts...)
	a.log.Info("stopped")
	return errors.Join(err, store.Close())
}

// houseTime is the time by which records are old; zero before there is an engine.
func (a *agent) houseTime() time.Time {
	if t := a.engine.Load(); t != nil {
		return t.HouseTime()
	}
	return time.Time{}
}

// roomWait is how long a start waits before it tries again on a full disk.
const roomWait = 3 * time.Second

// withRoom calls f until it fails with another error than that of a full disk. A
// start that gives up instead is repeated a few times by whoever starts the
// agent, and then no more: the till would stay down when there is room again.
func withRoom(ctx context.Context, log *slog.Logger, f func() error) error {
	for told := false; ; told = true {
		err := f()
		if fault.KindOf(err) != fault.Full {
			return err
		}
		if !told {
			log.Error("the disk is full, the start waits for room", "err", err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(roomWait):
		}
	}
}

// besides are the events that other parts than the engine report.
var besides = []string{"tilld.clock.jumped.v1", "tilld.config.applied.v1", "tilld.firmware.changed.v1"}

// attributed has these events name cashier and adviser too, as the engine's own
// do. It runs inside of a commit and waits for nothing.
func (a *agent) attributed(seal queue.Seal) queue.Seal {
	return func(h queue.Header, m queue.Message) ([]byte, error) {
		if t := a.engine.Load(); t != nil && slices.Contains(besides, m.Type) {
			m.Data = t.Attributed(m.Data)
		}
		return seal(h, m)
	}
}

// checkCommand is the child process that opens a suspicious file first.
func checkCommand(dir string) []string {
	self, err := os.Executable()
	if err != nil {
		return nil // checked in this process instead
	}
	return []string{self, "verify", "--data-dir", dir, "--json"}
}

// parts builds everything above the store, in the order in which it starts.
func (a *agent) parts(ctx context.Context, clock *link.Clock) ([]run.Part, error) {
	key, err := tillKey(a.cfg.DataDir)
	if err != nil {
		return nil, err
	}
	a.feed = feed.New(a.store.Boot())
	a.stage = display.NewStage(display.Scene{Kind: display.Idle, Currency: a.cfg.Till.Currency, Language: a.cfg.Till.Language})
	glass := screen.New(a.stage, screen.Options{Boot: a.store.Boot(), Log: a.log.With("part", "screen")})
	a.house = newHouse(a.cfg, glass, a.log.With("part", "screen").Warn)
	a.kit = newKit(a, glass)
	if err = withRoom(ctx, a.log, func() (err error) { a.till, err = a.newTill(key, clock); return err }); err != nil {
		return nil, err
	}
	a.engine.Store(a.till)
	if a.link, err = a.newLink(clock); err != nil {
		return nil, err
	}
	if a.mall, err = a.newMall(clock); err != nil {
		return nil, err
	}
	server, err := a.newServer(glass, key)
	if err != nil {
		return nil, err
	}
	parts := []run.Part{{Name: "queue", Run: a.store.Run}}
	parts = append(parts, a.kit.parts()...)
	if a.mall != nil {
		parts = append(parts, run.Part{Name: "mall", Run: a.mall.Run, Stop: 2 * time.Second})
	}
	parts = append(parts, run.Part{Name: "house", Run: a.house.run})
	for _, name := range a.kit.screens() {
		parts = append(parts, run.Part{Name: name + " page", Run: func(ctx context.Context) error { return glass.Watch(ctx, &a.health, name) }})
	}
	parts = append(parts, run.Part{Name: "till", Run: a.till.Run})
	parts = append(parts, a.dialects()...)
	return append(parts,
		run.Part{Name: "link", Run: a.link.Run, Stop: 2 * time.Second},
		run.Part{Name: "news", Run: a.news},
		run.Part{Name: "status", Run: server.Run},
		run.Part{Name: "update", Run: a.rollout},
		run.Part{Name: "proof keys", Run: a.refreshProofs},
		run.Part{Name: "service", Run: a.service},
	), nil
}

func (a *agent) newTill(key ed25519.PrivateKey, clock *link.Clock) (*till.Till, error) {
	c := a.cfg
	loc, err := time.LoadLocation(c.Till.Timezone)
	if err != nil {
		return nil, err
	}
	rules, err := codeRules(c.Codes)
	if err != nil {
		return nil, err
	}
	template, err := receiptTemplate[till.ReceiptData](c.Receipt.Template, till.ClassicTemplate, lang.Tag(c.Till.Language))
	if err != nil {
		return nil, err
	}
	refundTemplate, err := receiptTemplate[till.RefundData](c.Receipt.RefundTemplate, till.ClassicRefundTemplate, lang.Tag(c.Till.Language))
	if err != nil {
		return nil, err
	}
	var qr []till.Link
	for _, q := range c.Receipt.QR {
		qr = append(qr, till.Link{Title: q.Title, URL: q.URL})
	}
	return till.New(till.Options{
		Till: till.TillStatus{
			Merchant: c.Till.Merchant, Store: c.Till.Store, Till: c.Till.Till, Number: c.Till.Number,
			Currency: c.Till.Currency, Timezone: c.Till.Timezone, Language: c.Till.Language,
		},
		Location: loc, Currency: c.Till.Currency, Language: lang.Tag(c.Till.Language),
		Store: a.store, Cloud: &cloud{a}, Stage: a.stage, Feed: a.feed, Health: &a.health, Board: &a.board,
		Log: a.log.With("part", "till"), Rules: rules, Version: version, BootID: a.bootID,
		QRTTL: c.Payment.QRTTL.Std(), RequestTimeout: c.Payment.RequestTimeout.Std(),
		Receipt:        till.ReceiptConfig{Template: c.Receipt.Template, Copies: c.Receipt.Copies, QR: qr, InvoiceURL: c.Receipt.InvoiceURL, QRHosts: c.Receipt.QRHosts},
		Offline:        offlinePay(c),
		ReceiptPrinter: a.kit.receiptPrinter(), Printers: a.kit.names(device.Printer), Backup: backups(c.Devices), Scanners: a.kit.names(device.Scanner),
		PayApps: c.Screen.PayApps, SetScreen: a.house.wear,
		Markup: receiptline.Parse, Template: template, RefundTemplate: refundTemplate, FetchPrices: priceFetcher(c.Firmware.Repository),
		Sign:      func(message []byte) []byte { return ed25519.Sign(key, message) },
		PublicKey: publicOf(key),
		Token: func(text string) (till.Token, error) {
			b, err := a.link.Bearer(text)
			return till.Token{Kind: b.Kind, ID: b.ID, Data: b.Data}, err
		},
		LinkStatus: func() till.LinkStatus { return till.LinkStatus(a.link.Status()) },
		MallStatus: a.mallStatus,
		ClockStatus: func() till.ClockStatus {
			offset, ok := clock.Offset()
			return till.ClockStatus{OffsetMS: offset.Milliseconds(), Trusted: ok}
		},
		TestDevice: a.kit.test, KickDrawer: a.kit.kickDrawer, Answer: a.kit.answer,
		SetLogLevel: func(level string) error { return a.level.UnmarshalText([]byte(level)) },
	})
}

// backups are the printers that stand in for others.
func backups(list []config.Device) map[string]till.StandIn {
	all := map[string]till.StandIn{}
	for _, d := range list {
		if d.Backup == "" {
			continue
		}
		after := d.BackupAfter.Std()
		if after == 0 {
			after = config.DefaultBackupAfter
		}
		all[d.Name] = till.StandIn{Printer: d.Backup, After: after}
	}
	return all
}

func (a *agent) newLink(clock *link.Clock) (*link.Link, error) {
	c := a.cfg
	return link.New(link.Options{
		URL: c.Cloud.URL, ClientID: c.ClientID(), Username: c.Cloud.Username, PasswordFile: c.Cloud.PasswordFile,
		CAFile: c.Cloud.CAFile, CertFile: c.Cloud.CertFile, KeyFile: c.Cloud.KeyFile, TopicRoot: c.Cloud.TopicRoot,
		TrustFile: c.Cloud.TrustFile, Ack: c.Cloud.Ack, Window: c.Cloud.Window,
		Merchant: c.Till.Merchant, Store: c.Till.Store, Till: c.Till.Till, Version: version, BootID: a.bootID,
		Devices:   func() any { return a.board.List() },
		Telemetry: a.telemetry,
		Idle:      func() bool { return !a.till.SaleOpen() },
		Changed:   func(s link.Status) { a.feed.Publish(feed.Link, till.LinkStatus(s)) },
		Log:       a.log.With("part", "link"), Health: &a.health, Clock: clock,
	}, a.store, a.routes())
}

func (a *agent) newServer(glass *screen.Screen, key ed25519.PrivateKey) (*status.Server, error) {
	return status.New(status.Options{
		Engine: a.till, Feed: a.feed, Health: &a.health, Board: &a.board, Screen: glass.Handler(),
		TokenFile: filepath.Join(a.cfg.DataDir, "api-token"), Listen: a.cfg.HTTP.Listen,
		AddrFile: filepath.Join(a.cfg.DataDir, "http-addr"),
		LAN: status.LAN{
			Listen: a.cfg.HTTP.LAN.Listen, TLSCert: a.cfg.HTTP.LAN.TLSCert, TLSKey: a.cfg.HTTP.LAN.TLSKey,
			PINFile: a.cfg.HTTP.LAN.PINFile,
		},
		Cashier:      status.Cashier{Enabled: a.cfg.Cashier.Enabled, PINFile: a.cfg.Cashier.PINFile},
		AllowedHosts: a.cfg.HTTP.AllowedHosts, AllowedOrigins: a.cfg.HTTP.AllowedOrigins,
		Language: lang.Tag(a.cfg.Till.Language), Log: a.log.With("part", "status"), Version: version,
		LogLines: a.held.Bytes,
		Detect:   func(ctx context.Context) (any, error) { return detect.Detect(ctx, "") },
		Trace:    a.kit.traces,
		Journal:  a.store, Export: a.export(key),
		Update:  func() (any, error) { return firmware.Status(a.cfg.DataDir) },
		Metrics: []prometheus.Collector{newLinkMetrics(a), a.kit.torn.count},
		Preview: func(doc printer.Doc) ([]byte, error) { return layout.Preview(doc, a.kit.caps()) },
	})
}

// news tells the live stream of conditions that come and go.
func (a *agent) news(ctx context.Context) error {
	tag, last := lang.Tag(a.cfg.Till.Language), []byte(nil)
	for {
		changed := a.health.Changed()
		list := a.health.List(tag)
		if now, err := json.Marshal(list); err != nil {
			return err
		} else if !bytes.Equal(now, last) {
			a.feed.Publish(feed.Condition, map[string]any{"conditions": list})
			last = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// cloud asks over the link in the engine's words.
type cloud struct{ a *agent }

// Up is false while the engine is being built, which is before the link is.
func (c *cloud) Up() bool { return c.a.link != nil && c.a.link.Up() }

// Soon is the link's; nil while the engine is being built.
func (c *cloud) Soon() <-chan struct{} {
	if c.a.link == nil {
		return nil
	}
	return c.a.link.Soon()
}

func (c *cloud) Ask(ctx context.Context, kind, sale, id string, data any) (json.RawMessage, error) {
	answer, err := c.a.link.Ask(ctx, link.Question{ID: id, Type: kind, Sale: sale, Data: data})
	switch remote, isRemote := errors.AsType[*link.RemoteError](err); {
	case err == nil:
		return answer, nil
	case isRemote:
		return nil, &till.CloudError{Code: remote.Code, Message: remote.Message}
	case errors.Is(err, link.ErrDown):
		return nil, fmt.Errorf("%w: %w", till.ErrLinkDown, err)
	default:
		return nil, fmt.Errorf("%w: %w", till.ErrNoAnswer, err)
	}
}
