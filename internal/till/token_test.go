package till_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"tilld/display"
	"tilld/internal/feed"
	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/scanner"
	"tilld/scanner/code"
)

// token makes a token that [signed] takes for good. The check of real signatures
// is package link's and tested there.
func token(kind, jti, data string) string {
	claims := `{"type":"` + kind + `","jti":"` + jti + `","data":` + data + `}`
	return "eyJhbGciOiJFZERTQSJ9." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".good"
}

// signed plays the check of signatures, and lets coupons and pickups count
// offline, or not.
func signed(offline bool) func(o *till.Options) {
	return func(o *till.Options) {
		impatient(o)
		c := code.DefaultConfig()
		c.OfflineCoupons, c.OfflinePickups = offline, offline
		rules, err := code.Compile(c)
		if err != nil {
			panic(err)
		}
		o.Rules = rules
		o.Token = func(text string) (till.Token, error) {
			parts := strings.Split(text, ".")
			body, err := base64.RawURLEncoding.DecodeString(parts[1])
			if err != nil || parts[2] != "good" {
				return till.Token{}, errors.New("signature: verification error")
			}
			var c struct {
				JTI, Type string
				Data      json.RawMessage
			}
			err = json.Unmarshal(body, &c)
			return till.Token{Kind: c.Type, ID: c.JTI, Data: c.Data}, err
		}
	}
}

const (
	couponData = `{"id":"K7","code":"OFF-777","title":"减五元","amount":500}`
	pickupData = `{"id":"PK7","number":"0077","state":"ready","items":[{"sku":"x","name":"外卖","unit_price":0}],"shopper_masked":"李*"}`
)

// Without a link a signed coupon counts where the store allows it, once, and the
// event says by which token.
func TestCouponTokenOffline(t *testing.T) {
	r := newRig(t, signed(true))
	r.cloud.setDown(true)
	s := r.open()
	tok := token("coupon", "J1", couponData)
	for name, bad := range map[string]string{
		"forged":       strings.TrimSuffix(tok, "good") + "evil",
		"no discount":  token("coupon", "J2", `{"id":"K8","title":"x"}`),
		"unknown data": token("coupon", "J3", `{"id":"K8","title":"x","amount":1,"drawer":true}`),
		"a command":    token("drawer.open", "J4", `{"reason":"x"}`),
		"over":         token("coupon", "J5", `{"id":"K9","title":"x","amount":1,"expires":"2026-03-13"}`),
	} {
		if _, err := r.try(add(s, bad)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	got := r.do(add(s, tok))
	if got.Total != 4250-500 || len(got.Coupons) != 1 || got.Coupons[0].Token != "J1" {
		t.Fatalf("%+v", got)
	}
	r.refused(sale.CodeCouponRefused, add(s, tok))
	r.paid(s)
	if d := string(r.events("sale.closed")[0].Data); !strings.Contains(d, `"token":"J1"`) || !strings.Contains(d, `"code":"OFF-777"`) {
		t.Errorf("%s", d)
	}
	r.restart()
	s = r.open()
	r.refused(sale.CodeCouponRefused, add(s, tok))
	r.refused(sale.CodeCouponRefused, add(s, token("coupon", "J1", `{"id":"K7","code":"OFF-778","title":"x","amount":500}`))) // the token's id
	r.refused(sale.CodeCouponRefused, add(s, token("coupon", "J9", couponData)))                                              // the coupon in another token
	r.do(add(s, token("coupon", "J10", strings.ReplaceAll(couponData, "7", "6"))))
	if list := r.holds("OFF-777"); len(list) > 0 {
		t.Errorf("the code is in clear in %v", list)
	}
}

// With a link the cloud's word counts, not the token's; and a store that does not
// allow it refuses without one.
func TestCouponTokenOnline(t *testing.T) {
	r := newRig(t, signed(true))
	s := r.open()
	tok := token("coupon", "J1", couponData)
	r.cloud.on("coupon.check", func(data json.RawMessage) (string, error) {
		if !strings.Contains(string(data), "OFF-777") {
			t.Errorf("asked %s", data)
		}
		return "", &till.CloudError{Code: "redeemed", Message: "used in another shop"}
	})
	_, err := r.try(add(s, tok))
	wantCode(t, err, sale.CodeCouponRefused)
	if !strings.Contains(err.Error(), "used in another shop") {
		t.Error(err)
	}
	r.cloud.says("coupon.check", `{"coupon":{"id":"K7","title":"减四元","amount":400}}`)
	if got := r.do(add(s, tok)); got.Total != 3850 || got.Coupons[0].Token != "" {
		t.Errorf("%+v", got)
	}

	strict := newRig(t, signed(false))
	strict.cloud.setDown(true)
	s = strict.open()
	strict.refused(sale.CodeLinkDown, add(s, tok))
	strict.refused(sale.CodeLinkDown, add(s, "C:SAVE300"))
	none := newRig(t)
	s = none.open()
	none.refused(sale.CodeBadCode, add(s, tok))
}

// An order is handed over once: by its token while offline, by its code, or by
// the cashier's word, in whatever order these come.
func TestPickupTokenOffline(t *testing.T) {
	r := newRig(t, signed(true))
	r.do2(till.SignIn{Badge: "E:1001"})
	r.cloud.setDown(true)
	tok := token("pickup", "J1", pickupData)
	if !r.scanned(tok) {
		t.Fatalf("refused: %+v", r.ledger())
	}
	if sc := r.scene(); sc.Kind != display.Pickup || !strings.Contains(sc.Text, "0077") {
		t.Errorf("scene %+v", sc)
	}
	if n := len(r.events("pickup.completed")); n != 0 {
		t.Errorf("handed over %d times by showing it", n)
	}
	if !r.scanned(tok) {
		t.Fatalf("refused: %+v", r.ledger())
	}
	ev := r.events("pickup.completed")
	if len(ev) != 1 || ev[0].Subject != "PK7" {
		t.Fatalf("%+v", ev)
	}
	for _, want := range []string{`"token":"J1"`, `"cashier":"E:1001"`, `"number":"0077"`} {
		if !strings.Contains(string(ev[0].Data), want) {
			t.Errorf("no %s in %s", want, ev[0].Data)
		}
	}
	r.restart()
	if r.scanned(tok) {
		t.Error("handed over again after a restart")
	}
	r.cloud.setDown(false)
	r.cloud.says("pickup.lookup", `{"pickup":`+pickupData+`}`)
	s := r.open()
	r.refused(sale.CodePickupDone, add(s, "P:CODE77"))
	if ev := r.events("pickup.completed"); len(ev) != 1 {
		t.Errorf("%d events", len(ev))
	}
	for _, row := range r.ledger() {
		if strings.Contains(row.Code, "eyJ") {
			t.Errorf("the token is in the ledger: %+v", row)
		}
	}
	strict := newRig(t, signed(false))
	strict.cloud.setDown(true)
	if strict.scanned(tok) {
		t.Error("accepted although the store does not allow it")
	}
}

// The second scan of a pickup's code needs no cloud: the order is on the screen.
func TestPickupConfirmedWithoutLink(t *testing.T) {
	r := newRig(t, impatient)
	r.cloud.says("pickup.lookup", `{"pickup":`+pickupData+`}`)
	r.scanned("P:CODE77")
	r.until("the order is shown", func() bool { return r.scene().Kind == display.Pickup })
	r.cloud.setDown(true)
	if r.scanned("P:OTHER7") {
		t.Error("another code is taken for it")
	}
	if !r.scanned("P:CODE77") {
		t.Errorf("refused: %+v", r.ledger())
	}
	if ev := r.events("pickup.completed"); len(ev) != 1 {
		t.Errorf("%d events", len(ev))
	}
}

// scanned scans, long after the last time so that it is no bounce, and waits for
// what becomes of it.
func (r *rig) scanned(data string) (ok bool) {
	r.t.Helper()
	after := r.feed.Last()
	r.scans++
	at := time.Now().Add(time.Duration(r.scans) * time.Minute)
	r.till.Scan(r.t.Context(), scanner.Scan{Device: "scanner-1", At: at, Data: []byte(data)})
	var row till.Scan
	r.until("the scan is decided", func() bool {
		list, _, err := r.feed.After(after)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, it := range list {
			if it.Name == feed.Scan && row.Seq == 0 {
				if err := json.Unmarshal(it.Data, &row); err != nil {
					r.t.Fatal(err)
				}
			}
		}
		return row.Seq != 0
	})
	return row.Refused == nil
}

// do2 runs a command whose answer is no sale.
func (r *rig) do2(cmd any) {
	r.t.Helper()
	if _, err := r.till.Do(r.t.Context(), till.Call{Origin: "api"}, cmd); err != nil {
		r.t.Fatalf("%T: %v", cmd, err)
	}
}

// FuzzToken: whatever a token says is accepted or a problem, and a sale with it
// is sound.
func FuzzToken(f *testing.F) {
	r := newRig(f, signed(true))
	r.cloud.setDown(true)
	f.Add("coupon", couponData)
	f.Add("pickup", pickupData)
	f.Add("coupon", `{"id":"a","percent":101}`)
	f.Add("pickup", `{"id":"a","items":null}`)
	defer func() { r.t = f }()
	f.Fuzz(func(t *testing.T, kind, data string) {
		if !json.Valid([]byte(data)) || strings.ContainsAny(kind, "\"\\") {
			return
		}
		r.t = t
		s := r.open()
		got, err := r.try(add(s, token(kind, "J", data)))
		if err == nil && kind == "coupon" && (got.Total < 0 || got.Total > s.Total) {
			t.Errorf("%s makes %+v", data, got)
		}
		if _, err := r.try(sale.VoidSale{Sale: s.ID, Reason: "next"}); err != nil {
			t.Error(err)
		}
	})
}
