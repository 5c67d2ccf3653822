package escpos

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/internal/lang"
	"tilld/printer/data"
)

// hello is answered by printers of all makes: DLE EOT 2 by ESC/POS, ESC ACK SOH
// by Star's languages, ESC @ by nobody (it clears what the other two have left).
var hello = []byte{dle, eot, 2, esc, 0x06, 0x01, esc, '@'}

// fallback is the profile of a printer that says nothing of itself.
const fallback = "generic-80mm"

var useStar = device.Advice{Code: "use_star", Text: lang.Text{
	ZH: "这是 Star 打印机：请把 driver 改为 star",
	EN: "this is a Star printer: set driver to star",
}}

// detect finds the profile of a printer by asking it: hello, then GS I for maker,
// model, character set and abilities. What the options set stays. A printer that
// does not answer is taken for an 80 mm printer without a name.
func (d *Printer) detect(ctx context.Context, s device.Spec) error {
	r, ok, err := d.ask(ctx, "open", hello, 2*answerTime, func(r reply) bool { return r.kind == realTime || r.kind == inOrder })
	if err != nil {
		return err
	}
	if ok && r.kind == inOrder && r.data[0]&0x91 == 0x01 {
		return useStar.Fault(fault.Config, d.info.Name, "open", errors.New("the printer answers in Star's language"))
	}
	name, about := fallback, ""
	var has identity
	if ok {
		if has, err = d.identify(ctx); err != nil {
			return err
		}
		about = strings.TrimSpace(has.maker + " " + has.model)
		if name, err = match(has.maker, has.model); err != nil {
			return err
		}
	}
	if d.cfg, err = configureAs(s, name, has); err != nil {
		return err
	}
	d.info.Model = d.cfg.Profile
	if about != "" {
		d.info.Model = about + ", " + d.cfg.Profile
	}
	return nil
}

// identity is what a printer says of itself; zero values are no answer.
type identity struct {
	maker, model, chinese string
	known                 bool // abilities is an answer
	abilities             byte // GS I 2: bit 0 two-byte characters, bit 1 cutter
}

// identify asks GS I 66, 67, 69 and 2, one at a time. The first that is not
// answered is the last that is asked: copies know none of them.
func (d *Printer) identify(ctx context.Context) (has identity, err error) {
	for _, q := range []struct {
		n  byte
		to *string
	}{{66, &has.maker}, {67, &has.model}, {69, &has.chinese}} {
		r, ok, err := d.ask(ctx, "open", []byte{gs, 'I', q.n}, answerTime, is(block))
		if err != nil || !ok && q.n != 69 {
			return has, err
		}
		if ok {
			*q.to = plainText(strings.TrimPrefix(string(r.data), "_"))
		}
	}
	r, ok, err := d.ask(ctx, "open", []byte{gs, 'I', 2}, answerTime, is(inOrder))
	if ok {
		has.known, has.abilities = true, r.data[0]
	}
	return has, err
}

// plainText keeps what can be shown of a name that came over the wire.
func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
}

// match returns the profile for a maker and model: the one whose name is the
// longest beginning of theirs, our own first.
func match(maker, model string) (string, error) {
	own, err := ownProfiles()
	if err != nil {
		return "", err
	}
	public, err := data.Printers()
	if err != nil {
		return "", err
	}
	best := ""
	longest := func(names []string, whole string) {
		length := 4 // shorter ones fit by chance
		for _, n := range names {
			if key := bare(n); len(key) > length && strings.HasPrefix(whole, key) {
				if _, err := profile(n); err == nil {
					best, length = n, len(key)
				}
			}
		}
	}
	longest(slices.Sorted(maps.Keys(own)), bare(maker+model))
	if best == "" {
		longest(slices.Sorted(maps.Keys(public)), bare(model))
	}
	if best == "" {
		best = fallback
	}
	return best, nil
}

// bare is a name in capitals without what people write in between.
func bare(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, s)
}

// configureAs reads the options of a device with what was found out in place of
// the defaults.
func configureAs(s device.Spec, name string, has identity) (Config, error) {
	setup, err := profile(name)
	if err != nil {
		return Config{}, fault.New(fault.Config, s.Name, "read options", err)
	}
	if has.known {
		if has.abilities&2 == 0 {
			setup.Cut = "none"
		}
		if has.abilities&1 == 0 && has.chinese == "" {
			setup.Chinese = "none"
		}
	}
	if c, ok := map[string]string{"CHINA GB18030": "gbk", "CHINA GB2312": "gb2312"}[has.chinese]; ok {
		setup.Chinese = c
	}
	c := Config{Profile: name, Setup: setup}
	if err := s.Decode(&c); err != nil {
		return Config{}, err
	}
	c.Profile = name
	return c, c.finish(s)
}
