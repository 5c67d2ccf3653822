package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tilld/internal/cloud"
	"tilld/internal/qr"
)

// TestPaidOffline is journey J16 with everything real but the hardware: the
// broker is down, the sale is paid by a phone, and the cloud has it once.
func TestPaidOffline(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	s, err := openShop(ctx, shopOptions{broker: "embedded", tilld: program(t), keep: t.TempDir(), payment: payOffline, log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
	v := &visit{script: &script{
		shop: s, out: io.Discard, rng: rand.New(rand.NewPCG(1, 1)), scanned: map[string]time.Time{}, quiet: true, seed: 16, refunded: map[string]bool{},
	}}
	do := func(what string, list ...step) {
		t.Helper()
		if err := steps(list...)(ctx); err != nil {
			var log strings.Builder
			v.out = &log
			v.showLog()
			t.Fatalf("%s: %v\n%s", what, err, &log)
		}
	}
	do("start", func(ctx context.Context) error { return s.start(ctx, true) }, v.stockUp)

	first, second, third := v.buy("MILK-UHT-1", "RICE-5"), v.buy("WATER-550"), v.buy("TEA-OOL-250")
	var proof string
	do("offline", v.offline(
		first.first(first.scanAll, func(ctx context.Context) error {
			url, err := first.offlineCode(ctx)
			if err != nil {
				return err
			}
			if proof, err = first.payOnPhone(ctx, url, cloud.PayChoice{Shopper: "Li", Scheme: "alipay"}); err != nil {
				return err
			}
			if _, problem := s.cloud.PayPage(url, cloud.PayChoice{Shopper: "Wang", Confirmed: true}); problem == nil || problem.Code != "paid_by_other" {
				return fmt.Errorf("a second phone: %+v", problem)
			}
			if p := s.cloud.RefundInApp(first.payID); p == nil || p.Code != "locked" {
				return fmt.Errorf("cancel in the app: %+v", p)
			}
			return first.showProof(ctx, proof)
		}, first.receipt),
		second.first(second.scanAll, func(ctx context.Context) error {
			if _, err := second.offlineCode(ctx); err != nil {
				return err
			}
			if _, err := second.scan(ctx, proof); err != nil { // the screenshot
				return err
			}
			return v.refusedScan("proof_used")(ctx)
		}),
		// The till is killed while its code is on the screen.
		func(ctx context.Context) error {
			if err := s.tilld.Kill(); err != nil {
				return err
			}
			mark := v.screen.mark()
			if err := s.start(ctx, false); err != nil {
				return err
			}
			return second.sees(ctx, mark, "the code again", func(sc scene) bool { return sc.Pay != nil && sc.Pay.PaymentID == second.payID })
		},
		func(ctx context.Context) error {
			sc := v.scene()
			paid, err := second.payOnPhone(ctx, sc.Pay.URL, cloud.PayChoice{Shopper: "Wang"})
			if err != nil {
				return err
			}
			return second.showProof(ctx, paid)
		}, second.receipt,
		// The phone dies after paying: the link will tell.
		third.first(third.scanAll, func(ctx context.Context) error {
			url, err := third.offlineCode(ctx)
			if err == nil {
				_, err = third.payOnPhone(ctx, url, cloud.PayChoice{Shopper: "Zhao"})
			}
			return err
		}),
	))
	do("online again", v.online, v.shows("thanks for the third", func(sc scene) bool { return sc.Kind == "paid" && sc.SaleID == third.id }),
		third.paidInFull, third.receipt, first.inCloud, second.inCloud, third.inCloud)
	for _, o := range []*one{first, second, third} {
		p := s.cloud.Payments()[o.payID]
		if p.State != "paid" || p.Charges != 1 || !p.Reported || !p.Offline {
			t.Errorf("the cloud has %+v", p)
		}
		if p := s.cloud.RefundInApp(o.payID); p == nil || p.Code != "settled" {
			t.Errorf("cancel in the app afterwards: %+v", p)
		}
	}
	closed := 0
	for _, e := range s.cloud.Ledger().Events(source, 0) {
		if e.Type == "tilld.sale.closed.v1" {
			closed++
		}
		if e.Subject == first.id && e.Type == "tilld.sale.closed.v1" && !strings.Contains(string(e.Data), proof) {
			t.Error("the proof is not in the journal")
		}
	}
	if closed != 3 || len(s.cloud.Ledger().Alarms()) != 0 {
		t.Errorf("%d closings, alarms %+v", closed, s.cloud.Ledger().Alarms())
	}
	do("giving back, with the link", func(ctx context.Context) error { return first.post(ctx, "refund", map[string]any{"reason": "r"}, nil) })
	v.refunded[first.id] = true
	do("the end", func(ctx context.Context) error { return v.finish(ctx, len(v.sold)) })
}

// Other readers than the till's own read what phone and screen show.
func TestOtherReadersReadBothCodes(t *testing.T) {
	zbar, err := exec.LookPath("zbarimg")
	if err != nil {
		t.Skip("zbarimg is not installed: nobody but gozxing has read the codes")
	}
	for name, text := range map[string]string{
		"request": pagePrefix + strings.Repeat("CEBQAAAD5MBAQAJDIVTYTK6N54AAAEE2", 5)[:151],
		"proof":   "92" + strings.Repeat("0123456789", 25)[:244],
	} {
		c, err := qr.Make(text, qr.M)
		if err != nil {
			t.Fatal(err)
		}
		for _, dots := range []int{2, 3, 4} {
			png, err := c.PNG(dots, qr.Quiet)
			file := filepath.Join(t.TempDir(), name+".png")
			if err == nil {
				err = os.WriteFile(file, png, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(zbar, "--raw", "--quiet", "-Sdisable", "-Sqrcode.enable", file).Output()
			if err != nil || strings.TrimSpace(string(out)) != text {
				t.Errorf("%s at %d dots a module: %q, %v", name, dots, out, err)
			}
		}
	}
}
