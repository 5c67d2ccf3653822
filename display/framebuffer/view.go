package framebuffer

import (
	"fmt"
	"strings"
	"time"

	"tilld/display"
	"tilld/internal/lang"
	"tilld/internal/qr"
)

// minScale is how many pixels a module needs.
const minScale = 3

// Colours.
const (
	white  = 0xffffff
	ink    = 0x111418
	soft   = 0x5a6472
	hair   = 0xe3e7ec
	pale   = 0xeaf1ff
	blue   = 0x0b4fd0
	green  = 0x0a7d3c // of the paid scene alone
	red    = 0xb3261e
	closed = 0x2b3038
)

var words = struct {
	welcome, total, saved, pay, left, wait, paid, change, balance, points, failed, retry, member, pickup, closed, other, none lang.Text
}{
	welcome: lang.Text{ZH: "欢迎光临", EN: "Welcome"},
	total:   lang.Text{ZH: "合计", EN: "Total"},
	saved:   lang.Text{ZH: "已优惠", EN: "You save"},
	pay:     lang.Text{ZH: "请扫码付款", EN: "Scan to pay"},
	left:    lang.Text{ZH: "剩余", EN: "Time left"},
	wait:    lang.Text{ZH: "正在处理", EN: "Processing"},
	paid:    lang.Text{ZH: "谢谢惠顾", EN: "Thank you"},
	change:  lang.Text{ZH: "找零", EN: "Change"},
	balance: lang.Text{ZH: "余额", EN: "Balance"},
	points:  lang.Text{ZH: "积分", EN: "Points"},
	failed:  lang.Text{ZH: "付款失败", EN: "Payment failed"},
	retry:   lang.Text{ZH: "请再试一次", EN: "Please try again"},
	member:  lang.Text{ZH: "会员", EN: "Member"},
	pickup:  lang.Text{ZH: "取货", EN: "Pickup"},
	closed:  lang.Text{ZH: "暂停收银", EN: "Till closed"},
	other:   lang.Text{ZH: "请到其他收银台", EN: "Use another till"},
	none:    lang.Text{ZH: "请咨询收银员", EN: "Please ask the cashier"},
}

// view draws one scene.
type view struct {
	*canvas
	scene display.Scene
	now   time.Time
	code  *qr.Code // the pay code, nil when there is none to show
}

// codeSide is the side of the square that a pay code has.
func codeSide(w, h int) int { return min(h-2*(h*3/100), w*55/100) }

// draw makes the picture and returns where the pay code is, if it is.
func (v *view) draw() box {
	v.fill(box{0, 0, v.w, v.h}, white)
	switch v.scene.Kind {
	case display.Basket:
		v.basket()
	case display.Paying:
		return v.paying()
	case display.Processing:
		v.centred(v.or(v.scene.Title, words.wait), v.total(), white, blue, ink)
	case display.Paid:
		v.paid()
	case display.Failed:
		v.centred(v.or(v.scene.Title, words.failed), v.or(v.scene.Text, words.retry), white, red, ink)
	case display.Offers:
		v.offers()
	case display.Pickup:
		v.pickup()
	case display.Member:
		v.member()
	case display.ClosedTill:
		v.fill(box{0, 0, v.w, v.h}, closed)
		v.centred(v.or(v.scene.Title, words.closed), v.or(v.scene.Text, words.other), closed, white, white)
	case display.Idle:
		v.beside(v.or(v.scene.Title, words.welcome), v.scene.Text)
	default:
		v.beside(v.scene.Title, v.scene.Text)
	}
	return box{}
}

// at is so many hundredths of the height.
func (v *view) at(hundredths int) int { return v.h * hundredths / 100 }

func (v *view) in(t lang.Text) string {
	if strings.HasPrefix(v.scene.Language, "zh") {
		return t.In(lang.ZH)
	}
	return t.In(lang.EN)
}

func (v *view) or(s string, t lang.Text) string {
	if strings.TrimSpace(s) == "" {
		return v.in(t)
	}
	return s
}

func (v *view) money(amount int64) string { return display.Money(amount, v.scene.Currency) }

func (v *view) total() string {
	if v.scene.Total == nil {
		return ""
	}
	return v.money(*v.scene.Total)
}

// align is where a line stands in its box.
type align int

const (
	leftward align = iota
	middle
	rightward
)

// line draws one line of text into b, as large as size and as fits, down to two
// thirds of that; what is longer still is cut. It returns the width it took.
func (v *view) line(b box, s string, size int, bold bool, colour uint32, a align) int {
	size = min(size, b.h)
	least := max(10, size*2/3)
	for size > least && width(s, size) > b.w {
		size--
	}
	s = cut(s, b.w, size)
	w := width(s, size)
	x := b.x
	switch a {
	case middle:
		x += (b.w - w) / 2
	case rightward:
		x += b.w - w
	}
	v.text(x, b.y+(b.h-size)/2, s, size, bold, colour)
	return w
}

// amount draws money into b: whole, however small it must be.
func (v *view) amount(b box, s string, size int, colour uint32, a align) {
	size = min(size, b.h)
	for size > 8 && width(s, size) > b.w {
		size--
	}
	v.line(b, s, size, true, colour, a)
}

// cut shortens a line to a width, with dots at its end.
func cut(s string, w, size int) string {
	s = single(s)
	if width(s, size) <= w {
		return s
	}
	const dots = "..."
	room := w - width(dots, size)
	for i, r := range s {
		if drawn(r) {
			if room -= advance(r, size); room < 0 {
				return strings.TrimRight(s[:i], " ") + dots
			}
		}
	}
	return s
}

// wrap breaks a text into at most n lines of a width: at blanks, and anywhere
// between Chinese characters.
func wrap(s string, w, size, n int) []string {
	var lines []string
	for part := range strings.SplitSeq(single(s), "\n") {
		for part = strings.TrimSpace(part); part != "" && len(lines) < n; {
			if len(lines) == n-1 {
				lines = append(lines, cut(part, w, size))
				break
			}
			end, room, blank := len(part), w, 0
			for i, r := range part {
				if r == ' ' || display.RuneCells(r) == 2 {
					blank = i
				}
				if drawn(r) {
					room -= advance(r, size)
				}
				if room < 0 {
					if end = i; blank > 0 {
						end = blank
					}
					break
				}
			}
			end = max(end, 1)
			lines = append(lines, strings.TrimSpace(part[:end]))
			part = strings.TrimSpace(part[end:])
		}
	}
	return lines
}

// paragraph draws wrapped text from the top of b and returns the height it took.
func (v *view) paragraph(b box, s string, size int, bold bool, colour uint32, a align) int {
	lead := size * 5 / 4
	y := b.y
	for _, l := range wrap(s, b.w, size, max(1, b.h/lead)) {
		v.line(box{b.x, y, b.w, lead}, l, size, bold, colour, a)
		y += lead
	}
	return y - b.y
}

// remaining is a countdown as "4:05".
func remaining(until time.Time, now time.Time) string {
	s := int((until.Sub(now) + time.Second - 1) / time.Second)
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
