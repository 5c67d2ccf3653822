package till

import (
	"net/url"
	"slices"
	"strings"

	"tilld/display"
	"tilld/internal/lang"
	"tilld/internal/sale"
)

// Sentences on the customer screen.
var (
	wordWelcome     = lang.Text{ZH: "欢迎光临", EN: "Welcome"}
	wordScanToPay   = lang.Text{ZH: "请扫码付款", EN: "Scan to pay"}
	wordShowCode    = lang.Text{ZH: "请出示付款码", EN: "Please show your payment code"}
	wordProcessing  = lang.Text{ZH: "正在确认付款，请稍候", EN: "Confirming the payment, one moment"}
	wordFailed      = lang.Text{ZH: "付款未成功", EN: "The payment did not go through"}
	wordPayAgain    = lang.Text{ZH: "请重试或换一种付款方式", EN: "Please try again or pay another way"}
	wordExpired     = lang.Text{ZH: "付款码已过期", EN: "The code has expired"}
	wordNewCode     = lang.Text{ZH: "请收银员重新出码；手机已付款请出示", EN: "Ask for a new code; if your phone says paid, show it"}
	wordNoLink      = lang.Text{ZH: "暂时无法手机付款", EN: "Phone payment is not possible now"}
	wordPayCash     = lang.Text{ZH: "可以用现金付款，或稍候再试", EN: "Please pay in cash, or try again in a moment"}
	wordThanks      = lang.Text{ZH: "付款成功，谢谢惠顾", EN: "Paid. Thank you"}
	wordOffers      = lang.Text{ZH: "为您准备的优惠", EN: "Offers for you"}
	wordMember      = lang.Text{ZH: "会员您好", EN: "Welcome, member"}
	wordPickup      = lang.Text{ZH: "提货", EN: "Pick-up"}
	wordHandedOver  = lang.Text{ZH: "已完成提货", EN: "Handed over"}
	wordClosedTitle = lang.Text{ZH: "本收银台暂停服务", EN: "This till is closed"}
	wordClosedText  = lang.Text{ZH: "请前往其他收银台", EN: "Please use another till"}
	wordCannotOpen  = lang.Text{ZH: "暂时不能开始新的销售", EN: "No new sale can be opened"}
	wordStorageFull = lang.Text{ZH: "存储空间已满，请联系店员", EN: "The storage is full, please ask our staff"}
	wordCannotScan  = lang.Text{ZH: "未能识别", EN: "Not accepted"}
)

// footer is the text below a receipt: the cashier's own, else the till's.
func (t *Till) footer(cashier string) string {
	return firstText(t.set.Cashiers[cashier].Footer, t.set.Footer)
}

// failedWords are title and text of a payment that did not come about.
var failedWords = map[display.Reason][2]lang.Text{
	"":                    {wordFailed, wordPayAgain},
	display.ReasonExpired: {wordExpired, wordNewCode},
	display.ReasonNoLink:  {wordNoLink, wordPayCash},
}

// word is a sentence in the till's language.
func (t *Till) word(x lang.Text) string { return x.In(t.o.Language) }

// links are the QR codes beside a scene and below a receipt, with their
// placeholders filled in. What makes no sound code is left out.
func (t *Till) links(s sale.Sale) []display.QR {
	list := []display.QR{}
	for _, l := range slices.Concat(t.set.QR, t.set.Cashiers[s.Cashier].QR) {
		addr, ok := t.fill(l.URL, s)
		if ok && addr != "" && soundLink(addr, maxSmallLink) && t.allowedHost(addr) {
			list = append(list, display.QR{Title: l.Title, URL: addr})
		}
	}
	return list
}

// fill puts the sale's particulars into an address; false when one that is
// asked for is not known.
func (t *Till) fill(addr string, s sale.Sale) (string, bool) {
	short := ""
	if s.ID != "" {
		short = sale.ShortCode(s.ID)
	}
	for name, value := range map[string]string{
		"{cashier}": s.Cashier, "{adviser}": s.Adviser, "{sale}": s.ID, "{code}": short,
		"{merchant}": t.o.Till.Merchant, "{store}": t.o.Till.Store, "{till}": t.o.Till.Till,
	} {
		if !strings.Contains(addr, name) {
			continue
		}
		if value == "" {
			return "", false
		}
		addr = strings.ReplaceAll(addr, name, url.QueryEscape(value))
	}
	return addr, true
}
