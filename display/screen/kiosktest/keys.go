package kiosktest

import "time"

// codes are the Windows virtual key codes of keys without a character.
var codes = map[string]int{
	"Enter": 13, "Escape": 27, "Tab": 9, "Backspace": 8, "Delete": 46, "Insert": 45, "Home": 36, "ArrowUp": 38, "ArrowDown": 40, " ": 32,
	"F1": 112, "F2": 113, "F3": 114, "F4": 115, "F5": 116, "F6": 117, "F7": 118, "F8": 119, "F9": 120, "F10": 121, "F11": 122, "F12": 123,
}

// humanPause is between two keys of a person: longer than any scanner takes.
const humanPause = 70 * time.Millisecond

// shiftKey is the modifier bit of the DevTools protocol.
const shiftKey = 8

// Press presses keys one after the other as a person does: "F8", "Enter", "a",
// "Shift+Delete".
func (p *Page) Press(keys ...string) {
	p.b.t.Helper()
	for _, key := range keys {
		time.Sleep(humanPause) // a hand, not a wait for something to happen
		p.key(key, time.Now())
	}
}

// Type types a text as a person does.
func (p *Page) Type(text string) {
	p.b.t.Helper()
	for _, r := range text {
		p.Press(string(r))
	}
}

// Burst types a text and then Enter like a scanner that poses as a keyboard: 2 ms
// from key to key by the events' own clock, however slow the machine is.
func (p *Page) Burst(text string) {
	p.b.t.Helper()
	time.Sleep(humanPause)
	at := time.Now()
	for _, r := range text {
		p.key(string(r), at)
		at = at.Add(2 * time.Millisecond)
	}
	p.key("Enter", at)
}

// key presses one key at a moment.
func (p *Page) key(key string, at time.Time) {
	p.b.t.Helper()
	modifiers := 0
	if len(key) > 6 && key[:6] == "Shift+" {
		modifiers, key = shiftKey, key[6:]
	}
	seconds := float64(at.UnixMicro()) / 1e6
	event := map[string]any{"timestamp": seconds, "type": "rawKeyDown", "key": key, "modifiers": modifiers, "windowsVirtualKeyCode": codes[key], "code": key}
	switch {
	case key == "Enter":
		event["type"], event["text"] = "keyDown", "\r"
	case len([]rune(key)) == 1:
		event["type"], event["text"] = "keyDown", key
		delete(event, "code")
	}
	p.call("Input.dispatchKeyEvent", event, nil)
	p.call("Input.dispatchKeyEvent", map[string]any{"timestamp": seconds, "type": "keyUp", "key": key, "modifiers": modifiers, "windowsVirtualKeyCode": codes[key]}, nil)
}

// Click clicks the middle of the first element that fits the selector, times
// times in a row.
func (p *Page) Click(selector string, times int) {
	p.b.t.Helper()
	var at struct{ X, Y float64 }
	p.Eval("(e => { const r = e.getBoundingClientRect(); return {x: r.x + r.width / 2, y: r.y + r.height / 2} })(document.querySelector("+quote(selector)+"))", &at)
	for range times {
		for _, kind := range []string{"mousePressed", "mouseReleased"} {
			p.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": at.X, "y": at.Y, "button": "left", "clickCount": 1}, nil)
		}
	}
}

// ForgetCookies throws away all cookies of the browser.
func (p *Page) ForgetCookies() {
	p.b.t.Helper()
	p.call("Network.clearBrowserCookies", nil, nil)
}

// Reload loads the page anew.
func (p *Page) Reload() {
	p.b.t.Helper()
	p.Eval("window.left = true", nil)
	p.call("Page.reload", nil, nil)
	p.Until(`!window.left && document.readyState === "complete"`)
}
