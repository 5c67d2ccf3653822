package till_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/printer"
)

// holds names the files of the data directory that have text.
func (r *rig) holds(text string) (list []string) {
	r.t.Helper()
	err := filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(text)) {
			list = append(list, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return list
}

// keep runs the store's own housekeeping, which [rig] leaves out.
func (r *rig) keep() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.store.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	}
}

// ackAll plays the cloud that has everything.
func (r *rig) ackAll() {
	r.t.Helper()
	last := r.store.LastSeq()
	h, err := r.store.Hash(last)
	if err == nil {
		err = r.store.Ack(context.Background(), r.store.Epoch(), last, last, h)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// What the till learns of a shopper is masked where people see it, in clear in
// no file, whole in the event, and gone once the cloud has the event and the
// retention is over.
func TestShoppersAreSealedAndErased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.keep()
		const member, name, card, shopper, coupon, scanned = "138****4711", "王*七", "****8899-c", "李*九", "C-SECRET-99", "M-13800004711"
		r.cloud.says("member.lookup", `{"member":{"id_masked":"`+member+`","name_masked":"`+name+`","level":"gold-x","consent":true,"points_balance":1313},"points":{"earned":7,"balance":1320}}`)
		r.cloud.says("coupon.check", `{"coupon":{"id":"K1","code":"`+coupon+`","title":"减三元","amount":300}}`)
		r.cloud.says("pickup.lookup", `{"pickup":{"id":"PK1","number":"0042","state":"ready","items":[{"sku":"x","name":"外卖","unit_price":0}],"shopper_masked":"`+shopper+`"}}`)
		r.cloud.on("payment.create", echo(`{"payment_id":"$id","state":"paid","amount":$amount,"tenders":[{"method":"stored_value","amount":$amount,"balance":88776655}],"stored_value":{"card_masked":"`+card+`","balance":500}}`))

		s := r.open()
		for _, code := range []string{scanned, coupon} {
			if !r.scan(code) {
				t.Fatalf("%s is refused: %+v", code, r.ledger())
			}
		}
		r.until("the member and the coupon are in", func() bool { s = r.sale(s.ID); return s.Member != nil && len(s.Coupons) == 1 })
		_, err := r.till.Do(context.Background(), till.Call{Key: "k1", Fingerprint: "f"}, sale.Pay{Sale: s.ID, Method: "qr"})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			time.Sleep(time.Second)
			r.scan("P-HANDOVER")
		}
		r.until("the pickup is handed over", func() bool { return len(r.events("pickup.completed")) == 1 })
		r.printJob(printer.Confirmed, printer.StatusGood)
		time.Sleep(time.Minute)
		synctest.Wait()

		closed := r.events("sale.closed")[0]
		for _, want := range []string{member, name, card, `"consent":true`, `"earned":7`, coupon} {
			if !bytes.Contains(closed.Data, []byte(want)) {
				t.Errorf("the event has no %s: %s", want, closed.Data)
			}
		}
		if done := r.events("pickup.completed")[0]; !bytes.Contains(done.Data, []byte(shopper)) {
			t.Errorf("%s", done.Data)
		}
		secrets := []string{member, name, card, shopper, coupon, scanned, "13800004711", `"earned":7`, "gold-x", "88776655", "887,766.55"}
		clear := func(when string) {
			t.Helper()
			for _, x := range secrets {
				if list := r.holds(x); len(list) > 0 {
					t.Errorf("%s %q is in %v", when, x, list)
				}
			}
		}
		clear("while the till runs")
		if list := r.holds(s.ID); len(list) == 0 {
			t.Error("the search is blind")
		}
		r.halt0(stop)
		clear("after a stop")
		r.start()
		stop = r.keep()
		if got := r.sale(s.ID); got.Member == nil || got.Member.IDMasked != member || got.Points.Earned != 7 || got.Coupons[0].Code != coupon || got.StoredValue.CardMasked != card || got.Tenders[0].Balance == nil || *got.Tenders[0].Balance != 88776655 {
			t.Errorf("after a restart %+v", got)
		}
		if list, _, err := r.till.Sales(till.Filter{}); err != nil || len(list) != 1 || list[0].Member == nil {
			t.Errorf("%+v, %v", list, err)
		}
		again, err := r.till.Do(context.Background(), till.Call{Key: "k1", Fingerprint: "f"}, sale.Pay{Sale: s.ID, Method: "qr"})
		if err != nil || !bytes.Contains(again.Body, []byte(s.ID)) {
			t.Errorf("the kept answer is %s, %v", again.Body, err)
		}
		r.do(sale.Reprint{Sale: s.ID}) // waits for its printer
		const scrap = "a POS application's own receipt for Ms Wang"
		r.do2(till.PrintRequest{JobID: "own", Escpos: []byte(scrap)})
		secrets = append(secrets, scrap, base64.StdEncoding.EncodeToString([]byte(scrap))[:40])
		time.Sleep(20 * 24 * time.Hour)
		if got := r.sale(s.ID); got.Member == nil {
			t.Error("erased although the cloud does not have the event")
		}
		r.ackAll()
		time.Sleep(25 * time.Hour)
		synctest.Wait()
		if got := r.sale(s.ID); got.Member != nil || got.Points != nil || got.StoredValue != nil || got.Coupons[0].Code != "" || got.Tenders[0].Balance != nil || got.Total != s.Total {
			t.Errorf("still known: %+v", got)
		}
		r.halt0(stop)
		clear("at the end")
		r.start()
		j, err := r.till.Next(t.Context(), "printer-1")
		if err != nil {
			t.Fatal(err)
		}
		paper := string(mustJSON(t, j.Doc))
		if len(j.Doc) == 0 || !strings.Contains(paper, till.CopyMark) || strings.Contains(paper, member) {
			t.Errorf("the copy that waited is %s", paper)
		}
		if own, err := r.till.Job("own"); err != nil || own.Outcome != printer.Failed || !strings.Contains(own.Reason, "expired") {
			t.Errorf("the job that waited for longer than it keeps: %+v, %v", own, err)
		}
		r.halt()
	})
}

// What is left on a card is about a person also where nothing else is known of
// one.
func TestBalanceOfACardIsSealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cloud.on("payment.create", echo(`{"payment_id":"$id","state":"paid","amount":$amount,"tenders":[{"method":"stored_value","amount":$amount,"balance":88776655}]}`))
		s := r.open()
		if _, err := r.till.Do(context.Background(), till.Call{Key: "k1", Fingerprint: "f"}, sale.Pay{Sale: s.ID, Method: "qr"}); err != nil {
			t.Fatal(err)
		}
		r.printJob(printer.Confirmed, printer.StatusGood)
		r.halt()
		for _, text := range []string{"88776655", "887,766.55", "887766.55"} {
			if list := r.holds(text); len(list) > 0 {
				t.Errorf("%s is in %v", text, list)
			}
		}
		r.start()
		if got := r.sale(s.ID); got.Tenders[0].Balance == nil || *got.Tenders[0].Balance != 88776655 {
			t.Errorf("%+v", got.Tenders)
		}
		if e := r.events("sale.closed"); len(e) != 1 || !bytes.Contains(e[0].Data, []byte(`"balance":88776655`)) {
			t.Error("the cloud is not told")
		}
		r.halt()
	})
}

// halt0 stops the engine and the store's housekeeping.
func (r *rig) halt0(stop func()) { stop(); r.halt() }

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A key whose answer named a shopper never runs its call again, also when the
// answer is past its time.
func TestErasedAnswerIsNotRunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.keep()
		r.cloud.says("member.lookup", `{"member":{"id_masked":"138****4711","consent":true}}`)
		s := r.open()
		call := till.Call{Key: "once", Fingerprint: "f"}
		add := sale.AddItem{Sale: s.ID, Add: sale.Add{Code: "M-13800004711"}}
		if _, err := r.till.Do(context.Background(), call, add); err != nil {
			t.Fatal(err)
		}
		r.do(sale.VoidSale{Sale: s.ID, Reason: "test"})
		r.ackAll()
		asked := r.cloud.count("member.lookup")
		r.stop() // the engine's own housekeeping would delete the answer
		r.stop = func() {}
		time.Sleep(9 * 24 * time.Hour)
		synctest.Wait()
		_, err := r.till.Do(context.Background(), call, add)
		var p *sale.Problem
		if !errors.As(err, &p) || p.Code != sale.CodeNotFound || r.cloud.count("member.lookup") != asked {
			t.Errorf("%v; asked %d times", err, r.cloud.count("member.lookup"))
		}
		r.halt0(stop)
	})
}
