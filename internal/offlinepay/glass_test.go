package offlinepay_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tilld/display"
	"tilld/display/screen"
	"tilld/display/screen/kiosktest"
	"tilld/internal/qr"
)

// What a browser paints of both codes is read by two programs that are not
// ours: at two, three and four pixels a module, and from the customer screen.
func TestCodesOnGlass(t *testing.T) {
	b := kiosktest.Start(t)
	request, proof := exampleRequest.Text(prefix, signer(tillKey)), exampleProof.Text(signer(cloudKeys[8]))
	var pictures strings.Builder
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<body style='margin:0;background:#fff'>"+pictures.String())
	}))
	defer srv.Close()
	for _, text := range []string{request, proof} {
		c, err := qr.Make(text, qr.M)
		if err != nil {
			t.Fatal(err)
		}
		svg := base64.StdEncoding.EncodeToString([]byte(c.SVG(qr.Quiet)))
		for _, dots := range []int{2, 3, 4} {
			side := dots * (c.Size + 2*qr.Quiet)
			pictures.Reset()
			fmt.Fprintf(&pictures, `<img style="display:block" width=%d src="data:image/svg+xml;base64,%s">`, side, svg)
			page := b.Open(srv.URL, max(320, side), max(240, side))
			page.Until(`document.images[0].complete`)
			shot := page.Screenshot()
			if !strings.Contains(kiosktest.Read(t, shot), text) || !strings.Contains(kiosktest.ReadAgain(t, shot), text) {
				t.Errorf("%.12s… at %d pixels a module is not read by both", text, dots)
			}
			page.Close()
		}
	}
}

func TestRequestOnTheCustomerScreen(t *testing.T) {
	b := kiosktest.Start(t)
	request := exampleRequest.Text(prefix, signer(tillKey))
	total := int64(4250)
	stage := display.NewStage(display.Scene{
		Kind: display.Paying, SaleID: "s", Currency: "CNY", Language: "zh-CN", Title: "请扫码付款", Text: "核对号 427193", Total: &total,
		Lines: []display.Line{{Line: 1, Name: "乌龙茶", Quantity: "1", UnitPrice: 4250, Total: 4250}},
		Pay:   &display.Pay{PaymentID: "pr1-1003-0123456789abcdef", URL: request, Amount: 4250, Offline: true, ExpiresAt: time.Now().Add(time.Hour)},
	})
	srv := httptest.NewServer(screen.New(stage, screen.Options{}).Handler())
	defer srv.Close()
	defer srv.CloseClientConnections()
	for _, size := range [][2]int{{320, 240}, {480, 320}, {800, 480}, {1920, 1080}} {
		page := b.Open(srv.URL+"/screen", size[0], size[1])
		// The picture comes after the text; on a busy machine much later.
		page.Until(`document.body.innerText.includes("427193") && document.querySelector(".paycard img")?.naturalWidth`)
		shot := page.Screenshot()
		if !strings.Contains(kiosktest.Read(t, shot), request) || !strings.Contains(kiosktest.ReadAgain(t, shot), request) {
			t.Errorf("%v: not read by both", size)
		}
		page.Close()
	}
}
