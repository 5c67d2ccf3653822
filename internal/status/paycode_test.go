package status

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"tilld/display/screen/kiosktest"
	"tilld/internal/offlinepay"
	"tilld/internal/sale"
	"tilld/internal/till"
)

// noLink is a cloud that cannot be reached.
type noLink struct{}

func (noLink) Up() bool              { return false }
func (noLink) Soon() <-chan struct{} { return nil }
func (noLink) Ask(context.Context, string, string, string, any) (json.RawMessage, error) {
	return nil, till.ErrLinkDown
}

// The cashier types the digits that the shopper's phone shows: by keys alone, as
// people write them, with the tries left when they are wrong.
func TestPayCodeInBrowser(t *testing.T) {
	t.Parallel()
	keys := offlinepay.CodeKeys{1: bytes.Repeat([]byte{7}, 32)}
	b, engine, _ := realBenchWith(t, t.TempDir(), noLink{}, func(o *till.Options) {
		o.Till.Number = 1003
		o.Sign = func([]byte) []byte { return make([]byte, 64) }
		o.Offline = &till.OfflinePay{
			Prefix: "HTTPS://P.EXAMPLE.CN/P/", MaxAmount: 50000, MaxCount: 5,
			Keys: func() (offlinepay.Keys, time.Time, error) {
				return offlinepay.Keys{1: make([]byte, 32)}, time.Now(), nil
			},
			Codes: &till.PayCodes{MaxAmount: 10000, MaxCount: 5, Keys: func() (offlinepay.CodeKeys, error) { return keys, nil }},
		}
	}, withCashier)
	page := kiosktest.Start(t).Open(b.url+"/cashier?lang=en", 1024, 600)
	price := sale.Money(1250)
	a, err := engine.Do(t.Context(), till.Call{Origin: "api"}, sale.OpenSale{Items: []sale.Add{{SKU: "x", Name: "Tea", UnitPrice: &price}}})
	var s sale.Sale
	if err == nil {
		err = json.Unmarshal(a.Body, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	page.Until(`document.querySelectorAll("#lines li").length === 1 && document.activeElement.id === "code"`)
	page.Until(`!document.querySelector('[data-act="paycode"]').checkVisibility()`) // there is nothing to type yet
	page.Press("F9")
	page.Until(`document.querySelector('[data-act="paycode"]').checkVisibility() && !document.querySelector('[data-act="paycode"]').disabled`)
	if s, err = engine.Sale(s.ID); err != nil || s.Payment == nil {
		t.Fatal(s, err)
	}
	body, err := hex.DecodeString(s.Payment.Request)
	if err != nil {
		t.Fatal(err)
	}
	typed, _ := keys.Codes(body)
	wrong := string('0'+(typed[0]-'0'+1)%10) + typed[1:]
	say := func(part string) {
		t.Helper()
		page.Until(`document.querySelector("#dialog .say").textContent.includes("` + part + `")`)
	}
	page.Press("Shift+F9")
	page.Until(`document.getElementById("dialog-title").textContent.startsWith("Type pay code") && document.activeElement.tagName === "INPUT"`)
	page.Axe(t, "pay code")
	page.Type("1234")
	page.Press("Enter")
	say("8 digits")
	page.Eval(`document.querySelector("#dialog input").select()`, nil)
	page.Type(wrong)
	page.Press("Enter")
	say("tries left: 4")
	page.Until(`document.querySelector("#dialog input").value === "" && !document.querySelector('[data-act="paycode"]').disabled`)
	page.Burst("69012345") // an article's EAN-8 is no code
	say("takes no scans")
	page.Type(typed[:4] + " " + typed[4:])
	page.Press("Enter")
	page.Until(`!document.getElementById("dialog").open && document.activeElement.id === "code"`)
	if s, err = engine.Sale(s.ID); err != nil || s.State != sale.Closed || s.Payment.CodeForm != "typed" || s.Payment.CodeTries != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}
