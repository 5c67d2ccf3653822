package main

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// tilld is the real program, built once for all tests.
var tilld = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tillsim-test-")
	if err != nil {
		return "", err
	}
	built = dir
	return buildTilld(context.Background(), dir)
})

var built string

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		if err := os.RemoveAll(built); err != nil {
			code = 1
		}
	}
	os.Exit(code)
}

func program(t *testing.T) string {
	t.Helper()
	path, err := tilld()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// play runs `tillsim sale` and shows what it printed when it fails.
func play(t *testing.T, c saleCmd) string {
	t.Helper()
	c.Tilld = program(t)
	if c.Keep == "" {
		c.Keep = filepath.Join(t.TempDir(), "shop")
	}
	var out bytes.Buffer
	if err := c.run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	return out.String()
}

func TestThreeSales(t *testing.T) {
	for _, broker := range []string{"mosquitto", "embedded"} {
		t.Run(broker, func(t *testing.T) {
			t.Parallel()
			out := play(t, saleCmd{Sales: 3, Broker: broker, Seed: 3})
			for _, want := range []string{
				"scan → line on the screen", "pay → code on the screen", "code read off the screen", "paid → screen thanks", "cash → sale closed",
				"receipt cut, network printer", "receipt cut, serial printer", "void → event in the cloud", "acked, queue empty",
				"cloud: ", "3 sales closed once each", "till:  whole", "paper: 3 originals, 0 marked copies",
			} {
				if !strings.Contains(out, want) {
					t.Errorf("the timeline lacks %q:\n%s", want, out)
				}
			}
		})
	}
}

// Offline sales, cancelled payments and both printers are in eight sales.
func TestEightSales(t *testing.T) {
	t.Parallel()
	out := play(t, saleCmd{Sales: 8, Mall: true, Broker: "mosquitto", Seed: 8})
	for _, want := range []string{"offline", "cancel → code off the screen", "offline: pay code refused at once", "8 sales closed once each", "mall:  8 sales,"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

func TestChaos(t *testing.T) {
	t.Parallel()
	out := play(t, saleCmd{Sales: 20, Chaos: true, Mall: true, Broker: "mosquitto", Seed: 20})
	if !strings.Contains(out, "20 sales closed once each") || !strings.Contains(out, "mall:  20 sales,") || strings.Contains(out, "killed 0 times") {
		t.Errorf("%s", out)
	}
}

// Receipts on Star printers, the network one and the serial one, with kill -9 in
// the middle: their text is found among the dots.
func TestStarSales(t *testing.T) {
	for _, language := range []string{"starprnt", "star-line"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			out := play(t, saleCmd{Sales: 2, Printer: language, Broker: "embedded", Seed: 5})
			if !strings.Contains(out, "paper: 2 originals, 0 marked copies, 0 torn off") {
				t.Errorf("%s", out)
			}
		})
	}
	t.Run("chaos", func(t *testing.T) {
		t.Parallel()
		out := play(t, saleCmd{Sales: 6, Chaos: true, Printer: "starprnt", Broker: "embedded", Seed: 6})
		if !strings.Contains(out, "6 sales closed once each") || strings.Contains(out, "killed 0 times") {
			t.Errorf("%s", out)
		}
	})
}

// A copy on a Star printer is known as one, although all of it is dots.
func TestStarReprint(t *testing.T) {
	for _, language := range []string{"starprnt", "star-line"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			s, err := openShop(ctx, shopOptions{broker: "embedded", tilld: program(t), keep: filepath.Join(t.TempDir(), "shop"), log: slog.New(slog.DiscardHandler), printer: language})
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			p := &script{shop: s, out: &out, seed: 1, rng: rand.New(rand.NewPCG(1, 1)), scanned: map[string]time.Time{}}
			sell := func(ctx context.Context) error {
				sale := &one{script: p, goods: p.goods(), began: time.Now(), name: "sale"}
				return sale.play(ctx, sale.scanAll, sale.cash, sale.receipt, sale.reprints)
			}
			for _, step := range []step{func(ctx context.Context) error { return s.start(ctx, true) }, p.stockUp, sell} {
				if err := step(ctx); err != nil {
					t.Errorf("%v\n%s", err, &out)
					break
				}
			}
			if err := s.close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestIncidents(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := incidentsCmd{Broker: "mosquitto", Tilld: program(t), Keep: filepath.Join(t.TempDir(), "shop")}
	if err := c.run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
}
