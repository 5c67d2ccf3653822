package till_test

import (
	"testing"
	"time"

	"tilld/display"
	"tilld/internal/sale"
	"tilld/internal/till"
)

// A payment that does not come about says why, and what the shopper can do, until
// the basket changes or another payment begins.
func TestFailedScenes(t *testing.T) {
	r := newRig(t, func(o *till.Options) { o.PayApps = []string{"wechat", "alipay"}; o.QRTTL = 400 * time.Millisecond }, impatient)
	r.cloud.on("payment.create", echo(`{"state":"pending","url":"https://pay.example/$id"}`))
	s := r.do(sale.AddItem{Sale: r.open().ID, Add: sale.Add{SKU: "T", Name: "Tea", UnitPrice: money(500)}})
	r.do(sale.Pay{Sale: s.ID, Method: "qr"})
	if p := r.scene().Pay; p != nil && (len(p.Apps) != 2 || p.Apps[0] != "wechat" || p.Offline) {
		t.Errorf("%+v", p)
	}
	r.until("the shopper is told that the code has expired", func() bool {
		sc := r.scene()
		return sc.Kind == display.Failed && sc.Reason == display.ReasonExpired && sc.Text != "" && sc.Pay == nil
	})
	r.cloud.says("payment.cancel", `{"state":"expired"}`)
	r.until("settled", func() bool { return settled(r.sale(s.ID)) })
	r.cloud.setDown(true)
	r.refused(sale.CodeLinkDown, sale.Pay{Sale: s.ID, Method: "qr"})
	if sc := r.scene(); sc.Kind != display.Failed || sc.Reason != display.ReasonNoLink || len(sc.Lines) == 0 {
		t.Errorf("without a link: %+v", sc)
	}
	r.do(sale.AddItem{Sale: s.ID, Add: sale.Add{SKU: "U", Name: "Cup", UnitPrice: money(300)}})
	if sc := r.scene(); sc.Kind != display.Basket || sc.Reason != "" {
		t.Errorf("after another article: %+v", sc)
	}
}

// Head office changes how the screen looks; it lasts, and null takes it back.
func TestScreenLook(t *testing.T) {
	var look till.ScreenLook
	r := newRig(t, func(o *till.Options) { o.SetScreen = func(l till.ScreenLook) { look = l } })
	order(t, r.till.ConfigPatch, `{"screen.theme":"dark","screen.brand.name":"鲜果时光","screen.brand.color":"#0a7B3f"}`)
	want := till.ScreenLook{Name: "鲜果时光", Color: "#0a7B3f", Theme: "dark"}
	if look != want {
		t.Errorf("%+v", look)
	}
	for _, bad := range []string{
		`{"screen.theme":"pink"}`, `{"screen.text":"huge"}`, `{"screen.brand.color":"red;background:url(x)"}`, `{"screen.brand.name":""}`, `{"screen.brand.logo":"/etc/shadow"}`, `{"screen.playlist_dir":"/"}`,
	} {
		reject(t, r.till.ConfigPatch, sale.CodeInvalid, bad)
	}
	look = till.ScreenLook{}
	r.restart()
	if look != want {
		t.Errorf("after a restart %+v", look)
	}
	order(t, r.till.ConfigPatch, `{"screen.theme":null,"screen.text":"large"}`)
	if want.Theme, want.Text = "", "large"; look != want {
		t.Errorf("%+v, want %+v", look, want)
	}
}
