package display

import (
	"tilld/internal/health"
	"tilld/internal/lang"
)

// Withholder is a Display that draws pay codes and leaves out those that it cannot
// draw so that a phone reads exactly what the cloud sent.
type Withholder interface {
	// Withheld is why the last [Display.Show] left out the scene's pay code, nil
	// when it did not, or when there was none to show.
	Withheld() error
}

// condWithheld is up while a display leaves out the pay code that is due.
var condWithheld = health.Kind{
	Code: "pay_code_withheld", Severity: health.Warning,
	Text: lang.Text{ZH: "{subject} 无法显示当前付款码：{why}", EN: "{subject} cannot show the present pay code: {why}"},
	Remedy: lang.Text{
		ZH: "请改用其他屏幕，或扫描顾客的付款码；并检查该显示屏的选项",
		EN: "use another screen, or scan the shopper's own code; check the options of this display",
	},
}

// tell keeps the condition of d as it is.
func tell(h *health.Board, d Display) {
	w, ok := d.(Withholder)
	if h == nil || !ok {
		return
	}
	if why := w.Withheld(); why != nil {
		h.Raise(condWithheld, d.Info().Name, "why", why.Error())
		return
	}
	h.Clear(condWithheld, d.Info().Name)
}
