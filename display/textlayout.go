package display

import (
	"cmp"
	"strconv"
	"strings"
	"unicode"

	"tilld/internal/lang"
)

// The words of a character panel. English fits any panel; Chinese is used when
// the scene asks for it and the panel has it.
var words = struct {
	welcome, total, pay, wait, paid, change, failed, retry, balance, points, member, pickup, items, closed, other lang.Text
}{
	welcome: lang.Text{ZH: "欢迎光临", EN: "Welcome"},
	total:   lang.Text{ZH: "合计", EN: "Total"},
	pay:     lang.Text{ZH: "请付款", EN: "Please pay"},
	wait:    lang.Text{ZH: "正在处理", EN: "Processing"},
	paid:    lang.Text{ZH: "谢谢惠顾", EN: "Thank you"},
	change:  lang.Text{ZH: "找零", EN: "Change"},
	failed:  lang.Text{ZH: "付款失败", EN: "Payment failed"},
	retry:   lang.Text{ZH: "请再试一次", EN: "Please try again"},
	balance: lang.Text{ZH: "余额", EN: "Balance"},
	points:  lang.Text{ZH: "积分", EN: "Points"},
	member:  lang.Text{ZH: "会员", EN: "Member"},
	pickup:  lang.Text{ZH: "取货", EN: "Pickup"},
	items:   lang.Text{ZH: "件", EN: "items"},
	closed:  lang.Text{ZH: "暂停收银", EN: "Till closed"},
	other:   lang.Text{ZH: "请到其他收银台", EN: "Use another till"},
}

// layOut squeezes a scene onto the rows of a panel.
func layOut(p TextPanel, s Scene) []string {
	columns, rows := p.Size()
	has := ascii
	if c, ok := p.(Charset); ok {
		has = c.Has
	}
	return Lines(s, columns, rows, has)
}

// Lines squeezes a scene onto at most so many rows of text cells. Chinese is
// used when the scene asks for it and has reports Chinese characters; what has
// reports false for is left out. A row may be longer than columns: cut it.
func Lines(s Scene, columns, rows int, has func(rune) bool) []string {
	t := texter{columns: columns, has: has, tag: lang.EN, scene: s}
	if strings.HasPrefix(s.Language, "zh") && t.has('欢') {
		t.tag = lang.ZH
	}
	lines := t.lines()
	if len(lines) > rows {
		lines = lines[:rows]
	}
	return lines
}

func ascii(r rune) bool { return r >= ' ' && r <= '~' }

type texter struct {
	columns int
	has     func(rune) bool
	tag     lang.Tag
	scene   Scene
}

func (t texter) lines() []string {
	s := t.scene
	switch s.Kind {
	case Basket:
		return []string{t.item(), t.row(t.in(words.total), t.total())}
	case Paying:
		due := t.total()
		if s.Pay != nil {
			due = t.money(s.Pay.Amount)
		}
		return []string{t.in(words.pay), t.row(s.Currency, due)}
	case Processing:
		return []string{t.in(words.wait), t.row(s.Currency, t.total())}
	case Paid:
		return []string{t.in(words.paid), t.afterPaying()}
	case Failed:
		return []string{t.in(words.failed), t.or(s.Text, t.in(words.retry))}
	case Offers:
		if len(s.Offers) > 0 {
			return []string{t.clean(s.Offers[0].Title), t.clean(s.Offers[0].Text)}
		}
	case Member:
		return t.membership()
	case Pickup:
		label := t.in(words.pickup)
		if s.Number != 0 {
			label += " " + strconv.Itoa(s.Number)
		}
		return []string{t.or(s.Title, label), t.row(t.in(words.items), strconv.Itoa(len(s.Lines)))}
	case ClosedTill:
		return []string{t.or(s.Title, t.in(words.closed)), t.or(s.Text, t.in(words.other))}
	case Idle:
		if t.clean(s.Title) == "" {
			s.Title = t.in(words.welcome)
		}
	}
	return t.message(s.Title, s.Text)
}

// item is the line item that changed last, with its own total.
func (t texter) item() string {
	n := len(t.scene.Lines)
	if n == 0 {
		return t.in(words.welcome)
	}
	line := t.scene.Lines[n-1]
	for _, l := range t.scene.Lines {
		if l.Highlight {
			line = l
		}
	}
	name := t.clean(line.Name)
	if name == "" {
		name = "No. " + strconv.Itoa(max(line.Line, 1))
	}
	amount := t.money(line.Total)
	if line.Quantity != "" && line.Quantity != "1" || poses(name) {
		count := " x" + cmp.Or(line.Quantity, "1") + line.Unit
		name = strings.TrimRight(Cut(name, max(0, t.columns-Cells(amount)-1-Cells(count))), " ") + count
	}
	return t.row(name, amount)
}

// poses reports whether an article's name says what only the till may say: that
// the shopper has paid. Such a line always has its quantity, so that it reads as
// the line item that it is.
func poses(name string) bool {
	name = strings.ToLower(strings.Join(strings.Fields(name), ""))
	for _, word := range []string{"谢谢", "谢惠", "成功", "已付", "已支付", "已收款", "完成", "thank", "paid", "success", "approved"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

func (t texter) afterPaying() string {
	p := t.scene.Paid
	switch {
	case p != nil && p.Change > 0:
		return t.row(t.in(words.change), t.money(p.Change))
	case p != nil && p.StoredValue != nil:
		return t.row(t.in(words.balance), t.money(p.StoredValue.Balance))
	case p != nil && p.Points != nil && p.Points.Earned > 0:
		return t.row(t.in(words.points), "+"+strconv.FormatInt(p.Points.Earned, 10))
	}
	return t.row(t.in(words.total), t.total())
}

func (t texter) membership() []string {
	name, second := t.scene.Title, t.scene.Text
	if p := t.scene.Paid; p != nil {
		if p.Member != nil && name == "" {
			name = p.Member.NameMasked + " " + p.Member.Level
		}
		if p.Points != nil && p.Points.Balance != nil && second == "" {
			second = t.row(t.in(words.points), strconv.FormatInt(*p.Points.Balance, 10))
		}
	}
	if name = t.clean(name); name == "" {
		name = t.in(words.member)
	}
	return []string{t.in(words.welcome) + " " + name, t.clean(second)}
}

// message puts a title over a text, or wraps a text alone over both rows.
func (t texter) message(title, text string) []string {
	title, text = t.clean(title), t.clean(text)
	switch {
	case title == "" && Cells(text) > t.columns:
		first := Cut(text, t.columns)
		if i := strings.LastIndexByte(first, ' '); i > 0 && text[len(first)] != ' ' {
			first = first[:i]
		}
		return []string{first, strings.TrimLeft(text[len(first):], " ")}
	case title == "":
		return []string{text, ""}
	default:
		return []string{title, text}
	}
}

func (t texter) or(text, otherwise string) string {
	if text = t.clean(text); text == "" {
		return otherwise
	}
	return text
}

// clean is what is left of a text without the characters that the panel does
// not have: a row of '?' tells nobody anything, nor does a number that lost its
// words. Lines of text are joined.
func (t texter) clean(s string) string {
	lost := false
	left := strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case !t.has(r):
			lost = true
			return -1
		}
		return r
	}, s))
	if lost && !strings.ContainsFunc(left, unicode.IsLetter) {
		return ""
	}
	return left
}

func (t texter) in(x lang.Text) string         { return x.In(t.tag) }
func (t texter) row(left, right string) string { return Row(left, right, t.columns) }
func (t texter) money(amount int64) string     { return Money(amount, t.scene.Currency) }

func (t texter) total() string {
	if t.scene.Total == nil {
		return ""
	}
	return t.money(*t.scene.Total)
}
