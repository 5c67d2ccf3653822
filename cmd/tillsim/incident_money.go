package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tilld/internal/cloud"
)

// faulty has something wrong with the cloud while f runs.
func (s *one) faulty(set func(*cloud.Faults), f func() error) error {
	s.shop.cloud.SetFaults(set)
	defer s.shop.cloud.SetFaults(func(f *cloud.Faults) { *f = cloud.Faults{} })
	return f()
}

// declined: the code goes, the sale stays, cash ends it.
func declined(ctx context.Context, s *one) error {
	if err := s.then(ctx, s.scanAll, s.payCode); err != nil {
		return err
	}
	mark := s.screen.mark()
	s.shop.cloud.Settle(s.payID, "failed", false)
	if err := s.sees(ctx, mark, "no code", func(sc scene) bool { return sc.Pay == nil && sc.Kind != "paid" }); err != nil {
		return err
	}
	return s.then(ctx, s.cash, s.receipt, s.inCloud)
}

// forged: a result signed with another key pays nothing.
func forged(ctx context.Context, s *one) error {
	if err := s.then(ctx, s.scanAll, s.payCode); err != nil {
		return err
	}
	mark := s.screen.mark()
	err := s.faulty(func(f *cloud.Faults) { f.WrongSignature = true }, func() error {
		s.shop.cloud.Settle(s.payID, "paid", false)
		return never(ctx, 1500*time.Millisecond, "a forged result closed the sale", func() bool {
			got, err := s.shop.api.sale(ctx, s.id)
			return err != nil || got.State == "closed"
		})
	})
	if err != nil {
		return err
	}
	// The true one follows, with the cloud's next repeat or the till's query.
	if err := s.sees(ctx, mark, "paid scene", func(sc scene) bool { return sc.Kind == "paid" || sc.Kind == "offers" }); err != nil {
		return err
	}
	return s.then(ctx, s.paidInFull, s.receipt, s.inCloud)
}

func (s *one) paidInFull(ctx context.Context) error { return s.closed(ctx, s.goods.total()) }

// duplicates: each of the cloud's messages three times, and one effect.
func duplicates(ctx context.Context, s *one) error {
	return s.faulty(func(f *cloud.Faults) { f.Duplicates = 2 }, func() error {
		if err := s.then(ctx, s.scanAll, s.payCode, s.shopperPays, s.receipt, s.inCloud); err != nil {
			return err
		}
		return s.papers(ctx, 1, 0)
	})
}

// cloudSilent: the till says that it does not know, and finds out.
func cloudSilent(ctx context.Context, s *one) error {
	if err := s.scanAll(ctx); err != nil {
		return err
	}
	err := s.faulty(func(f *cloud.Faults) { f.NoAnswers = true }, func() error {
		err := s.shop.api.call(ctx, "POST", "/v1/sales/"+s.id+"/pay", s.key("pay"), map[string]any{"method": "qr"}, nil)
		if refused(err) != "payment_unknown" {
			return fmt.Errorf("pay without an answer: %v, want payment_unknown", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	// The cloud never took the request in: the payment has failed for good, and
	// another one may begin.
	err = s.until(ctx, "the payment settled", func() (bool, error) {
		got, err := s.shop.api.sale(ctx, s.id)
		return got.State == "open" && (got.Payment == nil || got.Payment.State == "failed" || got.Payment.State == "cancelled"), err
	})
	if err != nil {
		return err
	}
	return s.then(ctx, s.payCode, s.shopperPays, s.receipt, s.inCloud)
}

// lateMoney: the shopper pays while the cashier scans one more; the money is
// kept, the rest is paid in cash.
func lateMoney(ctx context.Context, s *one) error {
	more := s.goods[1]
	s.goods = s.goods[:1]
	if err := s.then(ctx, s.scanAll, s.payCode); err != nil {
		return err
	}
	err := s.faulty(func(f *cloud.Faults) { f.LateResult = 700 * time.Millisecond }, func() error {
		mark := s.screen.mark()
		if !s.shop.cloud.Settle(s.payID, "paid", false) {
			return errors.New("not pending")
		}
		if _, err := s.scan(ctx, more.GTIN); err != nil {
			return err
		}
		return s.sees(ctx, mark, "the code withdrawn", func(sc scene) bool { return sc.Pay == nil && len(sc.Lines) == 2 })
	})
	if err != nil {
		return err
	}
	paid := s.goods.total()
	err = s.until(ctx, "paid_but_changed", func() (bool, error) {
		got, err := s.shop.api.sale(ctx, s.id)
		return got.PaidButChanged && got.Paid == paid, err
	})
	if err != nil {
		return err
	}
	s.goods = append(s.goods, more)
	due := s.goods.total() - paid
	if err := s.shop.api.call(ctx, "POST", "/v1/sales/"+s.id+"/pay", s.key("rest"), map[string]any{"method": "cash", "given": due}, nil); err != nil {
		return err
	}
	s.cashed = true
	return s.then(ctx, s.paidInFull, s.receipt, s.inCloud)
}

// killedPaying: after a start the code is shown only when the cloud has said
// again that it can be paid.
func killedPaying(ctx context.Context, s *one) error {
	if err := s.then(ctx, s.scanAll, s.payCode); err != nil {
		return err
	}
	if err := s.shop.cutLine(); err != nil {
		return err
	}
	mark := s.screen.mark()
	if err := s.shop.tilld.Kill(); err != nil {
		return err
	}
	if err := s.shop.start(ctx, false); err != nil {
		return err
	}
	if err := s.sees(ctx, mark, "the sale", func(sc scene) bool { return sc.SaleID == s.id }); err != nil {
		return err
	}
	err := never(ctx, 700*time.Millisecond, "the pay code is shown without asking the cloud", func() bool { sc := s.scene(); return sc.Pay != nil })
	if err != nil {
		return err
	}
	if err := s.shop.mendLine(ctx); err != nil {
		return err
	}
	if err := s.sees(ctx, mark, "the code again", func(sc scene) bool { return sc.Pay != nil && sc.Pay.PaymentID == s.payID }); err != nil {
		return err
	}
	if err := s.shop.start(ctx, true); err != nil {
		return err
	}
	return s.then(ctx, s.shopperPays, s.receipt, s.inCloud)
}

// scene is what the screen shows now.
func (p *script) scene() scene {
	return decodeScene(frame{event: "scene", data: string(p.screen.last())})
}

// authCode: collected once, and found nowhere afterwards.
func authCode(ctx context.Context, s *one) error {
	const code = "134600271828182845"
	if err := s.scanAll(ctx); err != nil {
		return err
	}
	err := s.shop.api.call(ctx, "POST", "/v1/sales/"+s.id+"/pay", s.key("collect"), map[string]any{"method": "collect", "code": code}, nil)
	if err != nil {
		return err
	}
	if err := s.then(ctx, s.paidInFull, s.receipt, s.inCloud); err != nil {
		return err
	}
	return s.nowhere(code)
}

// nowhere makes sure that a secret is in no event, on no paper and in no file
// of the shop: the till's data, its logs, what the cloud keeps.
func (p *script) nowhere(secret string) error {
	for _, e := range p.shop.cloud.Ledger().Events(source, 0) {
		if bytes.Contains(e.Body, []byte(secret)) {
			return fmt.Errorf("%s is in event %d", secret, e.Sequence)
		}
	}
	if strings.Contains(p.paperText(), secret) {
		return fmt.Errorf("%s is on paper", secret)
	}
	files := 0
	err := filepath.WalkDir(p.shop.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // files come and go
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		files++
		if bytes.Contains(data, []byte(secret)) {
			return fmt.Errorf("%s is in the file %s", secret, d.Name())
		}
		return nil
	})
	if err == nil && files < 5 {
		return fmt.Errorf("only %d files were looked into", files)
	}
	return err
}

// noAcks: what is not acked stays; nothing is taken for delivered.
func noAcks(ctx context.Context, s *one) error {
	err := s.faulty(func(f *cloud.Faults) { f.NoAcks = true }, func() error {
		if err := s.then(ctx, s.scanAll, s.cash, s.receipt); err != nil {
			return err
		}
		return never(ctx, time.Second, "events are gone without an ack", func() bool {
			status, err := s.shop.api.status(ctx)
			return err != nil || status.Queue.Depth == 0
		})
	})
	if err != nil {
		return err
	}
	return s.inCloud(ctx)
}
