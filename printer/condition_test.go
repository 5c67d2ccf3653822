package printer_test

import (
	"errors"
	"testing"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/internal/lang"
	"tilld/printer"
)

// Whatever a printer waits for is said in both languages, with what to do.
func TestWants(t *testing.T) {
	codes := map[string]bool{}
	for _, w := range []printer.Want{printer.WantPaper, printer.WantCover, printer.WantCutter, printer.WantCool, printer.WantOnline, printer.WantRepair, printer.NearEnd, printer.DrawerOpen} {
		k := w.Kind()
		for _, tag := range []lang.Tag{lang.ZH, lang.EN} {
			if k.Text.In(tag) == "" || k.Remedy.In(tag) == "" {
				t.Errorf("%s: no words in %s", w, tag)
			}
		}
		if codes[k.Code] {
			t.Errorf("%s: code %s is taken", w, k.Code)
		}
		codes[k.Code] = true
		err := printer.Attention("printer-1", "print", w)
		var got printer.Want
		if fault.KindOf(err) != fault.Attention || !errors.As(err, &got) || got != w || fault.HintOf(err) != k.Remedy.EN {
			t.Errorf("%s: %v, hint %q", w, err, fault.HintOf(err))
		}
		if a, ok := device.AdviceOf(err); !ok || a.In(lang.ZH) != k.Remedy.ZH {
			t.Errorf("%s: advice %+v", w, a)
		}
	}
}
