package device

import (
	"tilld/internal/health"
	"tilld/internal/lang"
)

// The conditions of devices that are out of service. Their remedy is the
// device's own hint.
var (
	remedy     = lang.Text{ZH: "{hint_zh}", EN: "{hint_en}"}
	conditions = map[State]health.Kind{
		Missing: {
			Code: "device_absent", Severity: health.Warning, Remedy: remedy,
			Text: lang.Text{ZH: "{subject} 未连接", EN: "{subject} is not connected"},
		},
		Denied: {
			Code: "device_denied", Severity: health.Error, Remedy: remedy,
			Text: lang.Text{ZH: "没有权限使用 {subject}", EN: "{subject} may not be opened"},
		},
		Taken: {
			Code: "device_busy", Severity: health.Error, Remedy: remedy,
			Text: lang.Text{ZH: "{subject} 被其他程序占用", EN: "{subject} is held by another program"},
		},
		Silent: {
			Code: "device_silent", Severity: health.Warning, Remedy: remedy,
			Text: lang.Text{ZH: "{subject} 没有响应", EN: "{subject} does not answer"},
		},
		Faulty: {
			Code: "device_faulty", Severity: health.Error, Remedy: remedy,
			Text: lang.Text{ZH: "{subject} 出现故障", EN: "{subject} does not work"},
		},
	}
)

// Conditions keeps one condition up for every device on b that is out of
// service. Call it before devices start; a device counts from its first report.
func Conditions(b *Board, h *health.Board) {
	b.Watch(func(s Status) {
		for state, kind := range conditions {
			h.Set(s.State == state, kind, s.Name, "hint_zh", s.HintIn(lang.ZH), "hint_en", s.HintIn(lang.EN))
		}
	})
}
