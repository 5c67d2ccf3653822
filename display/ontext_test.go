package display_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"tilld/device"
	"tilld/display"
	"tilld/display/displaytest"
)

// glass is a panel that keeps what it shows.
type glass struct {
	chinese bool
	rows    []string
}

func (g *glass) Info() device.Info { return device.Info{Name: "pole-1", Driver: "glass"} }
func (g *glass) Close() error      { return nil }
func (g *glass) Size() (int, int)  { return 20, 2 }
func (g *glass) Has(r rune) bool   { return g.chinese || r >= ' ' && r <= '~' }
func (g *glass) ShowLines(_ context.Context, lines ...string) error {
	g.rows = slices.Clone(lines)
	for len(g.rows) < 2 {
		g.rows = append(g.rows, "")
	}
	return nil
}

func show(t *testing.T, g *glass, s display.Scene) []string {
	t.Helper()
	if err := display.OnText(g).Show(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return g.rows
}

func TestScenesOnTwentyByTwo(t *testing.T) {
	want := map[display.Kind]struct{ en, zh [2]string }{
		display.Idle:       {[2]string{"Good morning", ""}, [2]string{"Good morning", ""}},
		display.Basket:     {[2]string{"Apple x0.735kg 19.90", "Total         147.90"}, [2]string{"苹果 x0.735kg  19.90", "合计          147.90"}},
		display.Paying:     {[2]string{"Please pay", "CNY           137.90"}, [2]string{"请付款", "CNY           137.90"}},
		display.Processing: {[2]string{"Processing", "CNY           147.90"}, [2]string{"正在处理", "CNY           147.90"}},
		display.Paid:       {[2]string{"Thank you", "Change          2.10"}, [2]string{"谢谢惠顾", "找零            2.10"}},
		display.Failed:     {[2]string{"Payment failed", "Please try again"}, [2]string{"付款失败", "请再试一次"}},
		display.Offers:     {[2]string{"10 % off coffee", "2nd floor"}, [2]string{"10 % off coffee", "2nd floor"}},
		display.Member:     {[2]string{"Welcome W** Gold", "Points          1200"}, [2]string{"欢迎光临 W** Gold", "积分            1200"}},
		display.Pickup:     {[2]string{"Pickup 42", "items              2"}, [2]string{"取货 42", "件                 2"}},
		display.Message:    {[2]string{"Please ask our staff", "about the tea ceremony"}, [2]string{"Please ask our staff", "about the tea ceremony"}},
		display.ClosedTill: {[2]string{"Till closed", "Use another till"}, [2]string{"暂停收银", "请到其他收银台"}},
	}
	for _, s := range displaytest.Scenes() {
		w, ok := want[s.Kind]
		if !ok {
			t.Errorf("no expectation for %s", s.Kind)
		}
		s.Language = "zh-CN" // what a till in China has, whatever the panel
		if got := show(t, &glass{}, s); !slices.Equal(got, w.en[:]) {
			t.Errorf("%s on an ASCII panel: %q, want %q", s.Kind, got, w.en)
		}
		if got := show(t, &glass{chinese: true}, s); !slices.Equal(got, w.zh[:]) {
			t.Errorf("%s on a Chinese panel: %q, want %q", s.Kind, got, w.zh)
		}
	}
}

func TestBasketOnAPanelWithoutChinese(t *testing.T) {
	total := int64(990)
	s := display.Scene{
		Kind: display.Basket, Currency: "CNY", Total: &total, Language: "zh-CN",
		Lines: []display.Line{{Line: 3, Name: "乌龙茶", Quantity: "1", Total: 990}},
	}
	if got := show(t, &glass{}, s); got[0] != "No. 3           9.90" {
		t.Errorf("got %q, want a number instead of question marks", got[0])
	}
	s.Currency = "JPY"
	if got := show(t, &glass{}, s); got[1] != "Total            990" {
		t.Errorf("got %q, want yen without decimals", got[1])
	}
}

// A till in China greets in Chinese; a panel without Chinese says it in English,
// or says the part that it has.
func TestTextOnAPanelWithoutChinese(t *testing.T) {
	for _, tt := range []struct {
		kind              display.Kind
		title, text, want string
	}{
		{display.Idle, "欢迎光临", "", "Welcome|"},
		{display.Idle, "欢迎 Sunny Tea", "", "Sunny Tea|"},
		{display.Message, "谢谢 Thank you", "请稍候", "Thank you|"},
		{display.Message, "", "请稍候 please wait", "please wait|"},
		{display.Failed, "", "付款失败", "Payment failed|Please try again"},
		{display.ClosedTill, "暂停", "第 2 台", "Till closed|Use another till"},
		{display.Offers, "", "", "|"},
	} {
		got := show(t, &glass{}, display.Scene{Kind: tt.kind, Title: tt.title, Text: tt.text, Language: "zh-CN"})
		if strings.Join(got, "|") != tt.want {
			t.Errorf("%s %q %q: %q, want %q", tt.kind, tt.title, tt.text, got, tt.want)
		}
	}
}

// Whatever the cloud or a price book puts into a scene, the money is whole.
func FuzzOnText(f *testing.F) {
	f.Add("Osmanthus oolong tea 250g", "0.735", int64(1990), false)
	f.Add("\x1b\n茶", "1000000000000000000000000", int64(-5), true)
	f.Fuzz(func(t *testing.T, name, quantity string, amount int64, chinese bool) {
		g := &glass{chinese: chinese}
		rows := show(t, g, display.Scene{
			Kind: display.Basket, Currency: "CNY", Total: &amount, Language: "zh",
			Lines: []display.Line{{Name: name, Quantity: quantity, Total: amount}},
		})
		money := display.Money(amount, "CNY")
		for _, row := range rows {
			if !strings.HasSuffix(row, money) || (display.Cells(row) != 20 && len(money) < 19) {
				t.Fatalf("row %q of %d cells, want 20 that end in %s", row, display.Cells(row), money)
			}
		}
	})
}

func TestRow(t *testing.T) {
	for _, tt := range []struct{ left, right, want string }{
		{"Oolong tea", "12.00", "Oolong tea     12.00"},
		{"Osmanthus oolong tea 250g", "12.00", "Osmanthus oolo 12.00"},
		{"", "128.00", "              128.00"},
		{"tea", "12345678901234567890", "12345678901234567890"},
		{"乌龙茶乌龙茶乌龙茶", "9.90", "乌龙茶乌龙茶乌  9.90"},
	} {
		if got := display.Row(tt.left, tt.right, 20); got != tt.want {
			t.Errorf("Row(%q, %q) = %q, want %q", tt.left, tt.right, got, tt.want)
		}
	}
}

func TestMoney(t *testing.T) {
	for _, tt := range []struct {
		amount   int64
		currency string
		want     string
	}{
		{12800, "CNY", "128.00"},
		{5, "CNY", "0.05"},
		{-5, "CNY", "-0.05"},
		{0, "CNY", "0.00"},
		{500, "JPY", "500"},
		{1234, "KWD", "1.234"},
		{-9223372036854775808, "CNY", "-92233720368547758.08"},
	} {
		if got := display.Money(tt.amount, tt.currency); got != tt.want {
			t.Errorf("Money(%d, %s) = %q, want %q", tt.amount, tt.currency, got, tt.want)
		}
	}
}

// An article that is called like the till's own thanks still reads as an article.
func TestArticleThatPoses(t *testing.T) {
	total := int64(1200)
	for name, want := range map[string]string{
		"谢谢惠顾": "谢谢惠顾 x1    12.00", "支付成功": "支付成功 x1    12.00", "PAID IN FULL": "PAID IN FUL x1 12.00", "T h a n k you": "T h a n k y x1 12.00",
		"黑麦面包": "黑麦面包       12.00",
	} {
		got := show(t, &glass{chinese: true}, display.Scene{
			Kind: display.Basket, Currency: "CNY", Language: "zh-CN", Total: &total,
			Lines: []display.Line{{Line: 1, Name: name, Quantity: "1", UnitPrice: 1200, Total: 1200}},
		})
		if row := got[0]; row != want {
			t.Errorf("%s: %q, want %q", name, row, want)
		}
	}
}
