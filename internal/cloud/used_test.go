package cloud_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"tilld/internal/cloud"
)

// A coupon is redeemed by the sale that comes in, a pickup by its hand-over; then
// the cloud says so to whoever asks.
func TestUsedUp(t *testing.T) {
	r := newRig(t, cloud.Options{})
	r.born(1)
	ask := func(id, kind, code string) claims {
		t.Helper()
		body := `{"id":"` + id + `","type":"` + kind + `","sent":"2026-03-14T12:00:00Z","expires":"2026-03-14T12:00:10Z","data":{"code":"` + code + `"}}`
		r.publish("request", false, []byte(body))
		return r.next("answer "+id, func(c claims) bool { return c.Ref == id })
	}
	if a := ask("01JZZZZZZZZZZZZZZZZZZZZZZ1", "coupon.check", "C-CP500-1"); !strings.Contains(string(a.Data), `"amount":500`) {
		t.Fatalf("%s", a.Data)
	}
	c := &chain{epoch: epoch}
	r.publish("event", false, batch(
		c.event("tilld.sale.closed.v1", `{"id":"S1","coupons":[{"id":"cp-500-1","code":"C-CP500-1","title":"x"},{"id":"cp-500-2","code":"C-CP500-2","title":"x","issued":true}]}`),
		c.event("tilld.pickup.completed.v1", `{"pickup":"pu-9801"}`),
	))
	r.await("the sale is in", func() bool { _, ok := r.cloud.Redeemed("C-CP500-1"); return ok })
	if a := ask("01JZZZZZZZZZZZZZZZZZZZZZZ2", "coupon.check", "C-CP500-1"); !strings.Contains(string(a.Data), `"code":"redeemed"`) {
		t.Errorf("%s", a.Data)
	}
	if a := ask("01JZZZZZZZZZZZZZZZZZZZZZZ3", "coupon.check", "C-CP500-2"); strings.Contains(string(a.Data), "error") {
		t.Errorf("a coupon that was only given out is refused: %s", a.Data)
	}
	for id, code := range map[string]string{"01JZZZZZZZZZZZZZZZZZZZZZZ4": "P-PU8801", "01JZZZZZZZZZZZZZZZZZZZZZZ5": "pu-9801"} {
		if a := ask(id, "pickup.lookup", code); !strings.Contains(string(a.Data), `"state":"done"`) {
			t.Errorf("%s: %s", code, a.Data)
		}
	}
}

func TestTokens(t *testing.T) {
	r := newRig(t, cloud.Options{})
	text, err := r.cloud.Token("coupon", "C-CP500-1", "acme/sh-001/*", 30*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jwt.Parse(text, func(*jwt.Token) (any, error) { return r.key, nil }, jwt.WithValidMethods([]string{"EdDSA"}))
	if err != nil {
		t.Fatal(err)
	}
	body, err := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
	var got struct {
		Type, Aud, JTI string
		Data           cloud.Coupon
	}
	if err == nil {
		err = json.Unmarshal(body, &got)
	}
	if err != nil || !parsed.Valid || got.Type != "coupon" || got.Aud != "acme/sh-001/*" || got.JTI == "" || got.Data.Code != "C-CP500-1" || len(text) > 600 {
		t.Errorf("%d bytes: %+v, %v", len(text), got, err)
	}
	if text, err = r.cloud.Token("pickup", "P-PU8801", "acme/sh-001/03", time.Hour); err != nil || len(text) > 1000 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	for _, bad := range [][2]string{{"coupon", "none"}, {"pickup", "none"}, {"drawer.open", "C-CP500-1"}} {
		if _, err := r.cloud.Token(bad[0], bad[1], "acme/*", time.Hour); err == nil {
			t.Errorf("%v is signed", bad)
		}
	}
	if _, err := r.cloud.Token("coupon", "C-CP500-1", "acme/*", 500*24*time.Hour); err == nil {
		t.Error("a token for 500 days")
	}
}
