package framebuffer

import (
	"cmp"
	"strconv"
	"strings"

	"tilld/display"
	"tilld/internal/qr"
)

// basket is the list of line items, the latest always in sight, over the total,
// which can be read from two metres.
func (v *view) basket() {
	m, bar := v.at(3), v.at(62)
	v.items(box{0, 0, v.w, bar})
	v.fill(box{0, bar, v.w, v.h - bar}, ink)
	inner := box{m, bar + m, v.w - 2*m, v.h - bar - 2*m}
	labels := box{inner.x, inner.y, inner.w * 27 / 100, inner.h}
	if v.scene.Discount > 0 {
		labels.h = inner.h * 6 / 10
		v.line(box{inner.x, inner.y + labels.h, labels.w, inner.h - labels.h}, v.in(words.saved)+" "+v.money(v.scene.Discount), v.at(8), false, white, leftward)
	}
	v.line(labels, v.in(words.total), v.at(13), true, white, leftward)
	v.amount(box{inner.x + labels.w + m, inner.y, inner.w - labels.w - m, inner.h}, v.total(), v.at(33), white, rightward)
}

// items draws the last line items that fit into b, under a message if there is one.
func (v *view) items(b box) {
	m, high := v.at(3), v.at(12)
	if text := strings.TrimSpace(v.scene.Title + " " + v.scene.Text); text != "" {
		v.fill(box{b.x, b.y, b.w, high}, pale)
		v.line(box{b.x + m, b.y, b.w - 2*m, high}, text, v.at(8), true, blue, leftward)
		b.y, b.h = b.y+high, b.h-high
	}
	lines, rows := v.scene.Lines, b.h/high
	last := len(lines)
	for i, l := range lines {
		if l.Highlight && i+rows < len(lines) { // keep what was scanned last in sight
			last = i + rows
		}
	}
	for i, l := range lines[max(0, last-rows):last] {
		v.item(box{b.x, b.y + i*high, b.w, high}, l)
	}
}

func (v *view) item(b box, l display.Line) {
	m, size := v.at(3), v.at(9)
	if l.Highlight {
		v.fill(b, pale)
	}
	v.fill(box{b.x + m, b.y + b.h - 1, b.w - 2*m, 1}, hair)
	price := v.money(l.Total)
	money := max(width(price, size), size*3)
	v.amount(box{b.x + b.w - m - money, b.y, money, b.h}, price, size, ink, rightward)
	name := box{b.x + m, b.y, b.w - 3*m - money, b.h}
	if count := quantity(l); count != "" {
		w := min(width(count, size*3/4), name.w/3)
		v.line(box{name.x + name.w - w, b.y, w, b.h}, count, size*3/4, false, soft, rightward)
		name.w -= w + m
	}
	v.line(name, l.Name, size, l.Highlight, ink, leftward)
}

// quantity is "x2" or "0.735kg", nothing for a single piece.
func quantity(l display.Line) string {
	switch {
	case l.Quantity == "" || l.Quantity == "1" && l.Unit == "":
		return ""
	case l.Unit != "":
		return l.Quantity + l.Unit
	}
	return "x" + l.Quantity
}

// paying is the code, the amount and the time left. Without a code it is the
// amount alone.
func (v *view) paying() box {
	m, side := v.at(3), codeSide(v.w, v.h)
	due := v.total()
	if v.scene.Pay != nil {
		due = v.money(v.scene.Pay.Amount)
	}
	var where box
	right := box{m, m, v.w - 2*m, v.h - 2*m}
	if v.code != nil {
		where = v.canvas.code(box{m, (v.h - side) / 2, side, side}, v.code)
		right.x, right.w = m+side+m, v.w-side-3*m
	}
	a := middle
	title := v.or(v.scene.Title, words.pay)
	if v.scene.Pay != nil && v.code == nil {
		title = v.in(words.none) // what the scene says of a code is not true here
	}
	y := right.y + v.at(8)
	y += v.paragraph(box{right.x, y, right.w, v.at(26)}, title, v.at(10), true, blue, a)
	v.amount(box{right.x, max(y, v.at(34)), right.w, v.at(30)}, due, v.at(33), ink, a)
	v.line(box{right.x, v.at(65), right.w, v.at(9)}, v.scene.Currency, v.at(8), false, soft, a)
	if v.code != nil && !v.scene.Pay.ExpiresAt.IsZero() {
		v.line(box{right.x, v.at(80), right.w, v.at(11)}, v.in(words.left)+" "+remaining(v.scene.Pay.ExpiresAt, v.now), v.at(9), false, soft, a)
	}
	return where
}

// centred is two lines in the middle.
func (v *view) centred(first, second string, ground, one, two uint32) {
	m := v.at(4)
	v.fill(box{0, 0, v.w, v.h}, ground)
	v.line(box{m, v.at(22), v.w - 2*m, v.at(24)}, first, v.at(18), true, one, middle)
	v.line(box{m, v.at(52), v.w - 2*m, v.at(26)}, second, v.at(20), true, two, middle)
}

// beside is a title and a text, next to the scene's first code if it has one.
func (v *view) beside(title, text string) {
	b := v.link(white, v.scene.QR)
	size := v.at(15)
	if strings.TrimSpace(title) == "" { // a text alone has the room
		size = v.at(12)
		lead := size * 5 / 4
		lines := wrap(text, b.w, size, b.h/lead)
		y := b.y + (b.h-len(lines)*lead)/2
		v.paragraph(box{b.x, y, b.w, b.y + b.h - y}, text, size, true, ink, middle)
		return
	}
	lines := wrap(title, b.w, size, 2)
	y := max(b.y, v.at(40)-len(lines)*size*5/8)
	if text == "" {
		y = max(b.y, v.at(50)-len(lines)*size*5/8)
	}
	y += v.paragraph(box{b.x, y, b.w, v.h - y}, title, size, true, ink, middle)
	v.paragraph(box{b.x, y + v.at(3), b.w, v.h - y - v.at(6)}, text, v.at(9), false, soft, middle)
}

// link draws the first code of a list at the right, with its title, and returns
// the room that is left beside it. It is smaller than a pay code and has no amount.
func (v *view) link(ground uint32, list []display.QR) box {
	m := v.at(5)
	all := box{m, m, v.w - 2*m, v.h - 2*m}
	if len(list) == 0 || list[0].URL == "" {
		return all
	}
	symbol, err := qr.Make(list[0].URL, "")
	if err != nil {
		return all // nothing that a phone could read
	}
	side := min(v.at(58), v.w*36/100)
	panel := box{v.w - m - side, (v.h - side - v.at(12)) / 2, side, side + v.at(12)}
	v.fill(panel, white)
	if v.canvas.code(box{panel.x, panel.y, side, side}, &symbol) == (box{}) {
		v.fill(panel, ground)
		return all
	}
	v.line(box{panel.x + m/2, panel.y + side, side - m, v.at(10)}, list[0].Title, v.at(7), false, ink, middle)
	return box{m, m, panel.x - 2*m, v.h - 2*m}
}

// paid is the only green scene.
func (v *view) paid() {
	v.fill(box{0, 0, v.w, v.h}, green)
	b := v.link(green, v.scene.QR)
	unit := float64(v.at(20))
	x, y := float64(b.x)+float64(b.w)/2-unit/2, float64(v.at(7))
	v.stroke(x, y+unit*.5, x+unit*.36, y+unit*.85, unit*.14, white)
	v.stroke(x+unit*.36, y+unit*.85, x+unit, y+unit*.1, unit*.14, white)
	v.line(box{b.x, v.at(29), b.w, v.at(16)}, v.or(v.scene.Title, words.paid), v.at(13), true, white, middle)
	v.amount(box{b.x, v.at(46), b.w, v.at(24)}, v.total(), v.at(22), white, middle)
	at := v.at(74)
	for i, l := range v.after() {
		if i < 2 {
			v.line(box{b.x, at, b.w, v.at(11)}, l, v.at(10), i == 0, white, middle)
			at += v.at(12)
		}
	}
}

// after is what a shopper is told beside thanks, most important first.
func (v *view) after() []string {
	p := v.scene.Paid
	if p == nil {
		return nil
	}
	var list []string
	if p.Change > 0 {
		list = append(list, v.in(words.change)+" "+v.money(p.Change))
	}
	if p.StoredValue != nil {
		list = append(list, v.in(words.balance)+" "+v.money(p.StoredValue.Balance))
	}
	if p.Points != nil && p.Points.Earned > 0 {
		list = append(list, v.in(words.points)+" +"+strconv.FormatInt(p.Points.Earned, 10))
	}
	return list
}

func (v *view) member() {
	title, text := v.or(v.scene.Title, words.welcome), v.scene.Text
	if p := v.scene.Paid; p != nil {
		if p.Member != nil && text == "" {
			text = strings.TrimSpace(p.Member.NameMasked + " " + p.Member.Level)
		}
		if p.Points != nil && p.Points.Balance != nil {
			text += "\n" + v.in(words.points) + " " + strconv.FormatInt(*p.Points.Balance, 10)
		}
	}
	if text == "" {
		text = v.in(words.member)
	}
	v.beside(title, text)
}

// offers shows the first offer.
func (v *view) offers() {
	if len(v.scene.Offers) == 0 {
		v.beside(v.scene.Title, v.scene.Text)
		return
	}
	o := v.scene.Offers[0]
	b := v.link(white, []display.QR{{Title: o.Brand, URL: o.URL}})
	v.line(box{b.x, b.y, b.w, v.at(12)}, v.scene.Title, v.at(8), false, soft, leftward)
	y := v.at(24)
	y += v.paragraph(box{b.x, y, b.w, v.at(40)}, o.Title, v.at(14), true, blue, leftward)
	v.paragraph(box{b.x, y + v.at(2), b.w, v.h - y - v.at(7)}, o.Text, v.at(9), false, ink, leftward)
}

// pickup shows an order that is handed over.
func (v *view) pickup() {
	m := v.at(3)
	title, text := v.or(v.scene.Title, words.pickup), v.scene.Text
	if text == "" && v.scene.Number != 0 {
		text = strconv.Itoa(v.scene.Number)
	}
	v.fill(box{0, 0, v.w, v.at(32)}, blue)
	w := v.line(box{m, 0, v.w/2 - m, v.at(32)}, title, v.at(13), true, white, leftward)
	v.line(box{2*m + w, 0, v.w - 3*m - w, v.at(32)}, text, v.at(24), true, white, rightward)
	high := v.at(13)
	for i, l := range v.scene.Lines[:min(len(v.scene.Lines), (v.h-v.at(34))/high)] {
		b := box{0, v.at(34) + i*high, v.w, high}
		count := cmp.Or(quantity(l), "x1")
		n := width(count, v.at(9))
		v.line(box{v.w - m - n, b.y, n, high}, count, v.at(9), true, ink, rightward)
		v.line(box{m, b.y, v.w - 3*m - n, high}, l.Name, v.at(10), false, ink, leftward)
	}
}
