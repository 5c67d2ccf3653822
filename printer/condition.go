package printer

import (
	"errors"
	"slices"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/internal/health"
	"tilld/internal/lang"
)

// Want is what a printer waits for a person to do. It is the cause inside a
// fault of kind Attention.
type Want string

const (
	WantPaper  Want = "paper"   // out of paper
	WantCover  Want = "cover"   // a cover is open
	WantCutter Want = "cutter"  // paper jam at the cutter
	WantCool   Want = "cool"    // print head too hot; ends by itself
	WantOnline Want = "online"  // offline for another reason: feed button, error light
	WantRepair Want = "repair"  // unrecoverable error: power off and on, else service
	NearEnd    Want = "nearend" // prints still, the roll is almost empty
	DrawerOpen Want = "drawer"  // prints still, the cash drawer stands open
)

func (w Want) Error() string { return w.Kind().Text.EN }

// Attention returns the fault for a printer that waits for w. What to do about
// it is in it as a [device.Advice], in both languages.
func Attention(component, op string, w Want) error {
	k := w.Kind()
	return device.Advice{Code: k.Code, Text: k.Remedy}.Fault(fault.Attention, component, op, w)
}

// Kind is the condition that w raises.
func (w Want) Kind() health.Kind {
	k := health.Kind{Code: "printer_" + string(w), Severity: health.Error}
	switch w {
	case WantPaper:
		k.Code = "printer_paper_out"
		k.Text = lang.Text{ZH: "打印机缺纸", EN: "The printer is out of paper"}
		k.Remedy = lang.Text{ZH: "请装入新的纸卷", EN: "Put in a new roll"}
	case WantCover:
		k.Code = "printer_cover_open"
		k.Text = lang.Text{ZH: "打印机上盖未关", EN: "The printer's cover is open"}
		k.Remedy = lang.Text{ZH: "请合上打印机上盖", EN: "Close the cover"}
	case WantCutter:
		k.Text = lang.Text{ZH: "打印机切刀卡住", EN: "The printer's cutter is stuck"}
		k.Remedy = lang.Text{ZH: "请打开上盖，取出卡纸，然后重新开机", EN: "Open the cover, take out the jammed paper, switch the printer off and on"}
	case WantCool:
		k.Severity = health.Warning
		k.Text = lang.Text{ZH: "打印头过热", EN: "The print head is too hot"}
		k.Remedy = lang.Text{ZH: "请稍候，冷却后自动继续打印", EN: "Wait: printing goes on by itself when it has cooled"}
	case WantRepair:
		k.Text = lang.Text{ZH: "打印机故障", EN: "The printer reports an error it cannot clear"}
		k.Remedy = lang.Text{ZH: "请关机再开机；若仍报错，请联系维修", EN: "Switch it off and on; call service if the error stays"}
	case NearEnd:
		k.Code, k.Severity = "printer_paper_low", health.Warning
		k.Text = lang.Text{ZH: "打印纸即将用完", EN: "The paper roll is almost empty"}
		k.Remedy = lang.Text{ZH: "请准备新的纸卷", EN: "Have a new roll ready"}
	case DrawerOpen:
		k.Code, k.Severity = "printer_drawer_open", health.Info
		k.Text = lang.Text{ZH: "钱箱开着", EN: "The cash drawer is open"}
		k.Remedy = lang.Text{ZH: "请关好钱箱", EN: "Close the drawer"}
	default:
		k.Code = "printer_offline"
		k.Text = lang.Text{ZH: "打印机处于脱机状态", EN: "The printer is offline"}
		k.Remedy = lang.Text{ZH: "请查看打印机指示灯，按一下走纸键或重新开机", EN: "Look at the printer's lights; press the feed button or switch it off and on"}
	}
	return k
}

// wants lists every condition that Serve raises and clears.
func wants() []Want {
	return []Want{WantPaper, WantCover, WantCutter, WantCool, WantOnline, WantRepair, NearEnd, DrawerOpen}
}

// WantOf is the want that raises the condition of a code; ok is false when none
// does.
func WantOf(code string) (w Want, ok bool) {
	for _, w := range wants() {
		if w.Kind().Code == code {
			return w, true
		}
	}
	return "", false
}

// attend raises the conditions that err stands for, several if it is joined of
// several, and clears the others; nil clears all.
func (st *Station) attend(err error) {
	if st.Health == nil {
		return
	}
	up := wantsOf(err)
	if err != nil && len(up) == 0 {
		up = []Want{WantOnline}
	}
	for _, w := range wants() {
		st.Health.Set(slices.Contains(up, w), w.Kind(), st.Name)
	}
}

// wantsOf lists the wants in err and in what is joined in it.
func wantsOf(err error) (list []Want) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			list = append(list, wantsOf(e)...)
		}
		return list
	}
	var w Want
	if errors.As(err, &w) {
		list = append(list, w)
	}
	return list
}
