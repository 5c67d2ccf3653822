package till

import (
	"tilld/internal/health"
	"tilld/internal/lang"
)

// Conditions that the engine raises.
var (
	condDisk = health.Kind{
		Code: "commit_failed", Severity: health.Error,
		Text:   lang.Text{ZH: "数据无法写入磁盘：{err}", EN: "what is sold cannot be written to the disk: {err}"},
		Remedy: lang.Text{ZH: "请停止销售并联系信息部门检查磁盘", EN: "stop selling and have store IT check the disk"},
	}
	condQueueFull = health.Kind{
		Code: "queue_full", Severity: health.Error,
		Text:   lang.Text{ZH: "存储空间已满，不能开始新的销售", EN: "the storage is full: no new sale can be opened"},
		Remedy: lang.Text{ZH: "请恢复网络，让数据上传云端；进行中的销售可以完成", EN: "bring the link back so that the cloud can take what waits; the open sale can be finished"},
	}
	condRecovered = health.Kind{
		Code: "data_recovered", Severity: health.Warning,
		Text:   lang.Text{ZH: "启动时发现数据损坏并已修复：{reason}", EN: "damaged data was found at the start and repaired: {reason}"},
		Remedy: lang.Text{ZH: "请检查磁盘，并核对最近的销售", EN: "have the disk checked and compare the latest sales"},
	}
	condDayAhead = health.Kind{
		Code: "day_ahead", Severity: health.Error,
		Text:   lang.Text{ZH: "销售记在 {day} 名下，而今天是 {today}：该营业日开始时本机时钟快了", EN: "sales are booked under {day}, but today is {today}: the clock was ahead when that business day began"},
		Remedy: lang.Text{ZH: "请校正系统日期并开启时间同步（NTP），并告知总部：到 {day} 结束之前，小票编号在该日名下连续，不会缺号；上传的事件仍带有正确时间。如果等不到那一天，请在队列清空后为本收银台启用新的编号（till.till）和空的数据目录", EN: "set the clock right and keep it synchronised (NTP), and tell head office: until {day} is over, receipts go on under that day, numbered without a gap; events carry the right time. If that day is too far off, give this till a new id (till.till) with an empty data directory once its queue is empty"},
	}
	condClockLeapt = health.Kind{
		Code: "clock_leapt", Severity: health.Warning,
		Text:   lang.Text{ZH: "本机日期是 {today}，而上一笔记录在 {last}；云端尚未确认时间", EN: "this machine's date is {today}, but what was recorded before is of {last}; the cloud has not confirmed the time yet"},
		Remedy: lang.Text{ZH: "请在销售前核对系统日期：日期错误时，销售会记在错误的营业日名下", EN: "check the date before you sell: with a wrong one, sales are booked under a wrong business day"},
	}
	condRefundFailed = health.Kind{
		Code: "refund_failed", Severity: health.Error,
		Text:   lang.Text{ZH: "销售 {sale} 的电子退款被拒绝", EN: "the payment side refused to give back money for sale {sale}"},
		Remedy: lang.Text{ZH: "请用其他方式退款给顾客，或重新退款", EN: "give the money back another way, or try the refund again"},
	}
	condProofKeys = health.Kind{
		Code: "proof_keys", Severity: health.Warning,
		Text:   lang.Text{ZH: "离线收款所需的云端公钥不可用：{err}", EN: "the cloud's keys for payment while offline cannot be used: {err}"},
		Remedy: lang.Text{ZH: "请更新 cloud.trust_file；在此之前断网时只能收现金", EN: "renew cloud.trust_file; until then only cash can be taken without a link"},
	}
	condCodeKeys = health.Kind{
		Code: "pay_code_keys", Severity: health.Warning,
		Text:   lang.Text{ZH: "数字付款码的密钥不可用：{err}", EN: "the key for pay codes cannot be used: {err}"},
		Remedy: lang.Text{ZH: "请更新 payment.offline.code_key_file；在此之前只接受二维码凭证", EN: "renew payment.offline.code_key_file; until then only the proof's QR code counts"},
	}
	condCodesLocked = health.Kind{
		Code: "pay_codes_locked", Severity: health.Warning,
		Text:   lang.Text{ZH: "24 小时内输错的数字付款码过多，手工输入已锁定", EN: "too many pay codes were wrong within 24 hours: typing them is locked"},
		Remedy: lang.Text{ZH: "可能有人在猜码：请查看监控和收银员；二维码凭证不受影响，锁定会自动解除", EN: "somebody may be guessing: look who was at this till. Proofs are not affected; the lock ends by itself"},
	}
	condPaidLate = health.Kind{
		Code: "paid_late", Severity: health.Warning,
		Text:   lang.Text{ZH: "销售 {sale} 结束后又收到一笔付款", EN: "money came for sale {sale} after it was over"},
		Remedy: lang.Text{ZH: "请在“退款”中退还多收的金额", EN: "give the excess back with refund"},
	}
	condDrawer = health.Kind{
		Code: "drawer_failed", Severity: health.Warning,
		Text:   lang.Text{ZH: "钱箱没有打开：{err}", EN: "the cash drawer did not open: {err}"},
		Remedy: lang.Text{ZH: "请检查钱箱连接线和小票打印机，或用钥匙打开", EN: "check the drawer's cable and the receipt printer, or use the key"},
	}
	condScansLost = health.Kind{
		Code: "scans_refused", Severity: health.Warning,
		Text:   lang.Text{ZH: "扫描过快，有条码未被接受", EN: "codes came faster than they could be taken; some were refused"},
		Remedy: lang.Text{ZH: "请核对商品，重新扫描遗漏的商品", EN: "check the basket and scan what is missing again"},
	}
)
