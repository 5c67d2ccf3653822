package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"tilld/internal/cloud"
	"tilld/internal/sim"
)

// path of the shop's only till.
const (
	tillPath = "acme/sh-001/03"
	source   = "tilld/v1/" + tillPath
)

// groupURL is the marketing code at the receipt's foot. The sale in it tells
// whose receipt a piece of paper is.
const groupURL = "https://pay.example/g?s={sale}"

// shopOptions says what is to be built.
type shopOptions struct {
	broker string // embedded or mosquitto
	tilld  string // program; "" is found or built
	keep   string // directory to use and keep; "" is a temporary one
	pay    cloud.PayPolicy
	heard  func(cloud.Traffic)
	log    *slog.Logger
	// catalogue is what the cloud knows by code; nil is [cloud.Demo].
	catalogue *cloud.Catalogue
	// receipt is more of the configuration's receipt section: `, invoice_url: "…"`.
	receipt string
	// payment is more of its payment section: payOffline.
	payment string
	// displays are the families of further displays.
	displays []string
	// printer is what the printers understand: escpos, starprnt or star-line; "" is
	// escpos.
	printer string
	// scanners is how many there are; 0 is one.
	scanners int
	// config is more of the configuration, whole lines; {dir} is the shop's.
	config string
	mall   bool // the till also feeds a mall; see shop.settle
}

// shop is a whole till without hardware.
type shop struct {
	dir     string
	own     bool // dir goes with the shop
	broker  broker
	cloud   *cloud.Cloud
	codeKey []byte // shared by till and cloud, for pay codes
	scanner *sim.Scanner
	lan     *sim.Printer // on a TCP port
	serial  *sim.Printer // on a pseudo-terminal
	cable   *sim.Cable   // the serial printer's
	pole    *sim.Pole
	poleway *sim.Cable
	further []extraDisplay
	extra   []*sim.Cable // of further displays
	// scanners are all of them, the first one first.
	scanners []*sim.Scanner
	tilld    *child
	api      *api
	lanPort  int
	more     shopOptions // what configure adds
	mall     *mallSide   // nil without one
	sessions int         // of the cloud at the broker before the line was cut

	cancel context.CancelFunc
	parts  sync.WaitGroup
}

// openShop builds everything and starts all but tilld.
func openShop(ctx context.Context, o shopOptions) (*shop, error) {
	s := &shop{dir: o.keep, more: o}
	if o.keep == "" {
		dir, err := os.MkdirTemp("", "tillsim-")
		if err != nil {
			return nil, err
		}
		s.dir, s.own = dir, true
	} else if err := os.MkdirAll(o.keep, 0o700); err != nil {
		return nil, err
	}
	run, cancel := context.WithCancel(ctx)
	s.cancel = cancel
	if err := s.build(run, o); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *shop) build(ctx context.Context, o shopOptions) error {
	if err := s.devices(ctx, o.printer); err != nil {
		return err
	}
	var err error
	if s.further, err = s.plugDisplays(o.displays); err != nil {
		return err
	}
	if err = s.plugScanners(o.scanners); err != nil {
		return err
	}
	key, err := cloud.LoadKey(s.file("cloud-private-key.json"), "sim-1")
	if err != nil {
		return err
	}
	ledger, err := cloud.OpenLedger(s.file("cloud"))
	if err != nil {
		return err
	}
	proofs, err := cloud.LoadProofKey(s.file("cloud-proof-key.json"), 8)
	if err != nil {
		return err
	}
	trust, err := cloud.TrustFile(key, proofs)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.file("cloud-keys.json"), trust, 0o600); err != nil {
		return err
	}
	if err := s.shareCodeKey(); err != nil {
		return err
	}
	if s.broker, err = newBroker(o.broker, s.dir); err != nil {
		return err
	}
	if err := s.broker.Start(ctx); err != nil {
		return err
	}
	s.cloud = cloud.New(cloud.Options{
		Broker: fmt.Sprintf("tcp://127.0.0.1:%d", s.broker.Port()), Key: key, Ledger: ledger, Pay: o.pay, Heard: o.heard, Log: o.log,
		Catalogue: o.catalogue, ProofKeys: []cloud.Key{proofs}, PagePrefix: pagePrefix,
	})
	s.part(func() error { return s.cloud.Run(ctx) })
	if o.mall {
		if s.mall, err = openMall(ctx, s.dir, o.broker, o.log); err != nil {
			return err
		}
		s.more.config += s.mall.config()
	}
	program, err := findTilld(ctx, o.tilld, s.dir)
	if err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	s.api = &api{base: fmt.Sprintf("http://127.0.0.1:%d", port), data: s.file("data")}
	s.tilld = &child{path: program, config: s.file("tilld.yaml"), log: s.file("tilld.log"), api: s.api}
	return s.configure(port, "printer-lan", "printer-serial")
}

// devices plugs the peripherals in; printer is what the printers understand.
func (s *shop) devices(ctx context.Context, printer string) (err error) {
	if s.scanner, err = sim.NewScanner(s.dir, "tty-scanner"); err != nil {
		return err
	}
	if s.cable, err = sim.NewCable(s.dir, "tty-printer"); err != nil {
		return err
	}
	if s.poleway, err = sim.NewCable(s.dir, "tty-pole"); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return errors.New("no TCP port")
	}
	s.lanPort = addr.Port
	font := receiptFont()
	model := sim.Model{Font: font, Language: simLanguage(printer)}
	s.lan, s.serial = sim.NewPrinter(model), sim.NewPrinter(model)
	s.pole = sim.NewPole()
	s.part(func() error { return s.lan.Run(ctx) })
	s.part(func() error { return s.serial.Run(ctx) })
	s.part(func() error { return s.lan.ServeTCP(ctx, l) })
	s.part(func() error { return s.serial.ServeLine(ctx, s.cable) })
	s.part(func() error { return s.pole.Run(s.poleway) })
	s.part(func() error { return s.scanner.Run(nil) })
	return nil
}

// simLanguage is a simulated printer's language by the name people use.
func simLanguage(printer string) string {
	if printer == "escpos" {
		return sim.ESCPOS
	}
	return printer
}

// printerDriver is the driver for such a printer, with its options, as the
// configuration has it.
func printerDriver(printer string) string {
	switch printer {
	case sim.StarPRNT:
		return "driver: star, options: {language: starprnt}"
	case sim.StarLine:
		return "driver: star, options: {language: line}"
	}
	return "driver: escpos"
}

// plugScanners plugs in all but the first.
func (s *shop) plugScanners(n int) error {
	s.scanners = []*sim.Scanner{s.scanner}
	for i := 2; i <= n; i++ {
		x, err := sim.NewScanner(s.dir, fmt.Sprintf("tty-scanner-%d", i))
		if err != nil {
			return err
		}
		s.scanners = append(s.scanners, x)
		s.extra = append(s.extra, x.Cable)
		s.part(func() error { return x.Run(nil) })
	}
	return nil
}

// part runs one of the shop's goroutines until close.
func (s *shop) part(f func() error) {
	s.parts.Go(func() {
		if err := f(); err != nil && !errors.Is(err, context.Canceled) {
			fmt.Fprintln(os.Stderr, "tillsim:", err)
		}
	})
}

func (s *shop) file(name string) string { return filepath.Join(s.dir, name) }

// configure writes tilld's configuration; the first printer prints receipts.
func (s *shop) configure(port int, printers ...string) error {
	var list strings.Builder
	for _, name := range printers {
		address := fmt.Sprintf("tcp://127.0.0.1:%d", s.lanPort)
		if name == "printer-serial" {
			address = s.cable.Address(115200)
		}
		fmt.Fprintf(&list, "  - {name: %s, kind: printer, %s, address: %q}\n", name, printerDriver(s.more.printer), address)
	}
	for i, x := range s.scanners[1:] {
		fmt.Fprintf(&list, "  - {name: scanner-%d, kind: scanner, driver: line, address: %q, options: {suffix: cr}}\n", i+2, x.Address(9600))
	}
	text := fmt.Sprintf(`# written by tillsim
till: {merchant: acme, store: sh-001, till: "03", number: 1003, currency: CNY, timezone: Asia/Shanghai, language: zh-CN}
http: {listen: "127.0.0.1:%d"}
cloud: {url: "mqtt://127.0.0.1:%d", trust_file: %q}
receipt: {qr: [{title: "加入社群", url: %q}]%s}
payment: {qr_ttl: 5m, request_timeout: 5s%s}
devices:
  - {name: scanner-1, kind: scanner, driver: line, address: %q, options: {suffix: cr}}
%s  - {name: screen, kind: display, driver: screen}
  - {name: pole-1, kind: display, driver: cd5220, address: %q}
%scashier: {enabled: true}
data_dir: %q
log: {level: debug}
%s`, port, s.broker.Port(), s.file("cloud-keys.json"), groupURL, s.more.receipt, strings.ReplaceAll(s.more.payment, "{dir}", s.dir), s.scanner.Address(9600), &list, s.poleway.Address(9600)+"&backend=tarm", lines(s.further), s.file("data"), strings.ReplaceAll(s.more.config, "{dir}", s.dir))
	return os.WriteFile(s.file("tilld.yaml"), []byte(text), 0o600)
}

// port is where tilld listens.
func (s *shop) port() int {
	_, text, _ := strings.Cut(strings.TrimPrefix(s.api.base, "http://"), ":")
	n, err := strconv.Atoi(text)
	if err != nil {
		panic("tillsim: " + err.Error()) // we wrote it
	}
	return n
}

// start launches tilld and waits until it can sell, its hardware and its link
// included when whole is true.
func (s *shop) start(ctx context.Context, whole bool) error {
	if err := s.tilld.Start(); err != nil {
		return err
	}
	if err := s.tilld.Ready(ctx); err != nil {
		return err
	}
	if !whole {
		return nil
	}
	for {
		status, err := s.api.status(ctx)
		waiting := ""
		if err == nil {
			if status.Link.State != "up" && s.broker.Running() {
				waiting = "link " + status.Link.State
			}
			if s.broker.Running() && s.cloud.Counts().Connects <= s.sessions {
				waiting += " cloud away"
			}
			for _, d := range status.Devices {
				if d.State != "ready" {
					waiting += " " + d.Name + " " + d.State
				}
			}
			if waiting == "" {
				return nil
			}
		}
		if err := s.tilld.Crashed(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("tilld is not whole:%s: %w", waiting, errors.Join(err, context.Cause(ctx)))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// cutLine ends the broker, as when the line to the cloud is cut.
func (s *shop) cutLine() error {
	s.sessions = s.cloud.Counts().Connects
	return s.broker.Stop()
}

// mendLine starts the broker again and waits for the cloud to be at it: a till
// that is back first would ask into an empty room.
func (s *shop) mendLine(ctx context.Context) error {
	if err := s.broker.Start(ctx); err != nil {
		return err
	}
	return s.cloud.Await(ctx, func() bool { return s.cloud.Counts().Connects > s.sessions })
}

// close stops everything and removes what was made.
func (s *shop) close() error {
	var errs []error
	if s.tilld != nil {
		errs = append(errs, s.tilld.Kill())
	}
	s.cancel()
	for _, c := range append([]*sim.Cable{s.cable, s.poleway}, s.extra...) {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	if s.scanner != nil {
		errs = append(errs, s.scanner.Close())
	}
	s.parts.Wait()
	if s.broker != nil {
		errs = append(errs, s.broker.Stop())
	}
	if s.mall != nil {
		errs = append(errs, s.mall.close())
	}
	if s.own {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}
