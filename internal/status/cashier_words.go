package status

import "tilld/internal/lang"

// cashierWords are the words of the cashier page; {0}, {1} are filled in by its
// module. Both languages are here so that neither is forgotten.
var cashierWords = map[string]lang.Text{
	"title": {ZH: "收银", EN: "Cashier"}, "till": {ZH: "收银台", EN: "Till"}, "other": {ZH: "English", EN: "中文"},
	"nobody": {ZH: "未登录", EN: "Nobody signed in"}, "noshift": {ZH: "未开班", EN: "No shift"}, "shift": {ZH: "班次中", EN: "Shift open"},
	"linkup": {ZH: "云端已连接", EN: "Cloud up"}, "linkdown": {ZH: "云端断开：可收现金", EN: "Cloud down: take cash"},
	"linkconnecting": {ZH: "正在连接云端", EN: "Connecting to cloud"}, "linkoff": {ZH: "无云端", EN: "No cloud"},
	"lost":       {ZH: "收银程序没有响应，正在重试。已录入的销售不会丢失；请稍等，不要重复收款。", EN: "The till program does not answer; trying again. No sale is lost. Wait, and do not take money twice."},
	"linkgone":   {ZH: "收银程序没有响应", EN: "Till does not answer"},
	"gone":       {ZH: "收银程序没有响应", EN: "The till program does not answer"},
	"gone_do":    {ZH: "请稍等，不要重复收款。本页会自动恢复；已录入的销售不会丢失。", EN: "Wait, and do not take money twice. This page comes back by itself; no sale is lost."},
	"gone_long":  {ZH: "一分钟后仍未恢复：重新启动收银电脑，或联系店内 IT。", EN: "Not back within a minute? Restart this computer, or call store IT."},
	"gone_since": {ZH: "没有响应已 {0}", EN: "Not heard for {0}"},
	"looking":    {ZH: "正在查询商品…", EN: "Looking it up…"},
	"payfirst":   {ZH: "付款正在进行：换其他方式前，请先取消（Esc）", EN: "A payment is under way: cancel it (Esc) before you take another tender"},
	"lostlong":   {ZH: "没有得到回答。恢复后请先看本单状态，再决定是否重做。", EN: "No answer came. When the till is back, look at the sale before you do it again."},
	"back":       {ZH: "收银程序已恢复", EN: "The till program is back"},
	"entry":      {ZH: "扫描或输入条码、货号、金额", EN: "Scan or type code, article or amount"}, "add": {ZH: "添加", EN: "Add"},
	"entryhelp": {ZH: "数量可写成 3*条码", EN: "Several at once: 3*code"},
	"items":     {ZH: "商品", EN: "Items"}, "empty": {ZH: "请扫描商品", EN: "Scan the goods"}, "emptyhelp": {ZH: "没有条码的商品按 F4 查找", EN: "Goods without a code: F4"},
	"total": {ZH: "应收", EN: "Total"}, "due": {ZH: "还需付", EN: "Due"}, "paid": {ZH: "已付", EN: "Paid"}, "discounts": {ZH: "优惠", EN: "Discounts"},
	"change": {ZH: "找零", EN: "Change"}, "number": {ZH: "小票号", EN: "Receipt no."}, "last": {ZH: "上一单", EN: "Last sale"}, "received": {ZH: "实收", EN: "Received"},
	"member": {ZH: "会员", EN: "Member"}, "points": {ZH: "积分 {0}", EN: "{0} points"}, "coupon": {ZH: "优惠券", EN: "Coupon"},
	"parkedcount": {ZH: "挂单 {0}", EN: "{0} parked"}, "was": {ZH: "原价 {0}", EN: "was {0}"}, "off": {ZH: "优惠 {0}", EN: "{0} off"},
	"conditions": {ZH: "需要注意", EN: "Needs attention"}, "more_conditions": {ZH: "另有 {0} 项", EN: "{0} more"},

	"a_more": {ZH: "更多", EN: "More"}, "a_qty": {ZH: "数量", EN: "Quantity"}, "a_discount": {ZH: "折扣", EN: "Discount"}, "a_find": {ZH: "查找商品", EN: "Find article"},
	"a_park": {ZH: "挂单/取单", EN: "Park / recall"}, "a_past": {ZH: "查单/退款", EN: "Sales / refund"}, "a_cash": {ZH: "现金", EN: "Cash"}, "a_qr": {ZH: "付款码", EN: "Pay QR"},
	"a_collect": {ZH: "扫顾客码", EN: "Scan shopper"}, "a_external": {ZH: "外接终端", EN: "Card terminal"}, "a_paycode": {ZH: "输付款数字", EN: "Type pay code"}, "a_remove": {ZH: "删除商品", EN: "Remove line"},
	"a_void": {ZH: "作废", EN: "Void sale"}, "a_reprint": {ZH: "重打小票", EN: "Reprint"}, "a_cancel": {ZH: "取消付款", EN: "Cancel payment"}, "a_pickup": {ZH: "确认提货", EN: "Hand over"},
	"k_del": {ZH: "Del", EN: "Del"}, "k_sdel": {ZH: "Shift+Del", EN: "Shift+Del"}, "k_ins": {ZH: "Ins", EN: "Ins"}, "k_esc": {ZH: "Esc", EN: "Esc"}, "k_home": {ZH: "Home", EN: "Home"}, "k_enter": {ZH: "回车", EN: "Enter"},
	"ok": {ZH: "确定", EN: "OK"}, "close": {ZH: "关闭", EN: "Close"}, "back_": {ZH: "返回", EN: "Back"}, "search": {ZH: "查找", EN: "Search"},

	"p_requested": {ZH: "正在申请付款…", EN: "Asking for the payment…"}, "p_pending_qr": {ZH: "等待顾客扫码付款", EN: "Waiting for the shopper to pay"},
	"p_pending_collect": {ZH: "等待顾客在手机上确认", EN: "Waiting for the shopper to confirm on the phone"},
	"p_unknown":         {ZH: "付款结果未知：正在向云端查询。查清之前不要再收款；顾客要走时可取消付款。", EN: "Payment not known yet: the till keeps asking. Take no other payment until it is known, or cancel it."},
	"p_cancelled":       {ZH: "付款已取消", EN: "Payment cancelled"}, "p_expired": {ZH: "付款码已过期，请重新收款", EN: "The pay code has expired: take the payment again"}, "p_failed": {ZH: "付款未成功，请重试或换一种方式", EN: "The payment did not go through: try again or pay another way"},
	"p_paid": {ZH: "已付款", EN: "Paid"}, "p_left": {ZH: "剩余 {0}", EN: "{0} left"}, "p_collecting": {ZH: "请扫描顾客的付款码", EN: "Scan the shopper's payment code"},
	"changed": {ZH: "顾客已付款，但商品有变动：请收齐余款（现金、付款码），或退还多收的款（F7）。", EN: "The shopper has paid, but the goods were changed: take the rest (cash, QR), or give the money back (F7)."},
	"busy":    {ZH: "正在处理…", EN: "Working…"},

	"receipt": {ZH: "小票", EN: "Receipt"}, "r_queued": {ZH: "排队打印", EN: "queued"}, "r_sending": {ZH: "正在打印", EN: "printing"}, "r_sent": {ZH: "已发送", EN: "sent"}, "r_confirmed": {ZH: "已打印", EN: "printed"},
	"r_failed": {ZH: "未打印", EN: "not printed"}, "r_unknown": {ZH: "不确定", EN: "not known"},
	"unknown":    {ZH: "不确定小票是否打印完整。请看打印机：没有或不完整时，按 Ins 重打（标明“重打 COPY”）。", EN: "It is not known whether the receipt was printed. Look at the printer; if it is missing or torn, press Ins for a copy marked COPY 重打."},
	"notprinted": {ZH: "小票没有打印。排除打印机故障后按 Ins 重打（标明“重打 COPY”）。", EN: "The receipt was not printed. See to the printer, then press Ins for a copy marked COPY 重打."},
	"reprinted":  {ZH: "已送去重打（标明“重打 COPY”）", EN: "A marked copy is on its way"},

	"t_cash": {ZH: "现金收款", EN: "Cash"}, "given": {ZH: "收到现金", EN: "Cash received"}, "exact": {ZH: "正好", EN: "Exact"}, "take": {ZH: "收款", EN: "Take"},
	"give": {ZH: "应找 {0}", EN: "Give {0} change"}, "part": {ZH: "先收 {0}，还差 {1}", EN: "{0} now, {1} still due"}, "lessthan0": {ZH: "请输入金额", EN: "Enter an amount"},
	"t_collect": {ZH: "扫顾客的付款码", EN: "Scan the shopper's code"}, "collecthelp": {ZH: "用扫描枪扫顾客手机上的付款码。没有扫描枪时在此输入数字，再按回车。", EN: "Scan the code on the shopper's phone with the scanner. Without one, type the digits here and press Enter."},
	"authcode": {ZH: "付款码数字", EN: "Digits of the code"}, "collect_go": {ZH: "收款", EN: "Collect"},
	"paycodehelp": {ZH: "顾客付款后，手机上会显示 8 位数字。扫描枪读不出二维码凭证时，在此输入这 8 位数字，再按回车；一维扫描枪可扫手机上的条码。", EN: "After paying, the phone shows 8 digits. When no scanner reads its QR code, type them here and press Enter; a 1D scanner can read the bar code on the phone."},
	"paycode":     {ZH: "手机上的 8 位数字", EN: "8 digits on the phone"}, "notpaycode": {ZH: "付款数字是 8 位", EN: "A pay code has 8 digits"},
	"t_external": {ZH: "外接终端收款", EN: "Card terminal"}, "externalhelp": {ZH: "先在终端上完成收款，再在此登记。", EN: "Take the payment on the terminal first, then record it here."},
	"amount": {ZH: "金额", EN: "Amount"}, "reference": {ZH: "凭证号", EN: "Reference"}, "record": {ZH: "登记", EN: "Record"},
	"t_qty": {ZH: "数量", EN: "Quantity"}, "t_discount": {ZH: "折扣金额（或 10%）", EN: "Discount (amount, or 10%)"}, "t_void": {ZH: "作废本单", EN: "Void this sale"},
	"reason": {ZH: "原因", EN: "Reason"}, "t_drawer": {ZH: "不销售开钱箱", EN: "Open the drawer without a sale"}, "t_reprint": {ZH: "重打小票", EN: "Reprint the receipt"},
	"t_find": {ZH: "查找商品", EN: "Find an article"}, "findtext": {ZH: "名称、货号或条码", EN: "Name, SKU or code"}, "nofound": {ZH: "没有找到。可按 F2 输入名称和价格。", EN: "Nothing found. F2 enters name and price by hand."},
	"byhand": {ZH: "手工输入", EN: "By hand"}, "name": {ZH: "名称", EN: "Name"}, "price": {ZH: "单价", EN: "Unit price"}, "quantity": {ZH: "数量", EN: "Quantity"},
	"t_parked": {ZH: "取单", EN: "Recall a sale"}, "noparked": {ZH: "没有挂单", EN: "No parked sales"}, "recall": {ZH: "取单", EN: "Recall"}, "park": {ZH: "挂起本单", EN: "Park this sale"},
	"parked": {ZH: "已挂单", EN: "Parked"}, "lines": {ZH: "{0} 行", EN: "{0} lines"},
	"t_past": {ZH: "查单、退款、重打", EN: "Sales: refund, reprint"}, "pasttext": {ZH: "小票号、商品、凭证号；扫小票", EN: "Number, article, reference; or scan the receipt"},
	"nosales": {ZH: "没有符合的销售", EN: "No such sale"}, "show": {ZH: "打开", EN: "Open"}, "othertill": {ZH: "查其他收银台的小票", EN: "Receipt of another till"},
	"t_sale": {ZH: "小票 {0}", EN: "Receipt {0}"}, "refund": {ZH: "退款", EN: "Refund"}, "refundlines": {ZH: "退哪些商品（空格选择）", EN: "Which goods (space selects)"}, "refundamount": {ZH: "或退金额（空为全部）", EN: "Or an amount (empty: all that is left)"},
	"refundable": {ZH: "可退 {0}", EN: "{0} can be refunded"}, "refunded": {ZH: "已退 {0}", EN: "{0} refunded"}, "refundpending": {ZH: "退款处理中：收银机会继续查询，不要再次退款", EN: "Refund under way: the till keeps asking. Do not refund again"}, "refundfailed": {ZH: "退款被拒绝：可重试，或在小票中改退现金（F7）", EN: "The refund was refused: try again, or hand out cash from the receipt (F7)"},
	"cashback": {ZH: "退现金 {0}", EN: "Hand out {0} in cash"}, "fromtill": {ZH: "来自收银台 {0}", EN: "From till {0}"}, "picture": {ZH: "小票图", EN: "Picture"}, "refundpicture": {ZH: "退款小票图", EN: "Refund picture"}, "t_refund": {ZH: "退款小票 {0}", EN: "Refund receipt {0}"},
	"refundcash": {ZH: "改退现金", EN: "Refund in cash"}, "why_refund3": {ZH: "电子退款被拒绝", EN: "The payment side refused"},
	"t_more": {ZH: "更多功能", EN: "More"}, "m_signin": {ZH: "登录/换人", EN: "Sign in"}, "m_signout": {ZH: "退出登录", EN: "Sign out"}, "m_open": {ZH: "开班", EN: "Open shift"}, "m_close": {ZH: "交班清点", EN: "Close shift"},
	"m_drawer": {ZH: "开钱箱", EN: "Open drawer"}, "m_z": {ZH: "日结报表", EN: "Z report"}, "m_help": {ZH: "按键说明", EN: "Keys"}, "m_status": {ZH: "设备状态", EN: "Status page"},
	"t_signin": {ZH: "登录", EN: "Sign in"}, "badge": {ZH: "工牌（扫描或输入工号）", EN: "Badge (scan, or type the id)"}, "signin": {ZH: "登录", EN: "Sign in"},
	"t_open": {ZH: "开班", EN: "Open a shift"}, "float": {ZH: "备用金", EN: "Cash in the drawer"}, "open": {ZH: "开班", EN: "Open"},
	"t_close": {ZH: "交班清点", EN: "Close the shift"}, "counthelp": {ZH: "清点钱箱：填各面额张数，或直接填合计。", EN: "Count the drawer: pieces of each, or the sum."}, "counted": {ZH: "清点合计", EN: "Counted"}, "closeshift": {ZH: "交班", EN: "Close"},
	"expected": {ZH: "应有", EN: "Expected"}, "difference": {ZH: "差额", EN: "Difference"}, "t_closed": {ZH: "已交班", EN: "Shift closed"},
	"printz": {ZH: "打印日结单", EN: "Print"}, "zprinted": {ZH: "日结单已送去打印", EN: "The Z report is on its way"},
	"t_z": {ZH: "日结报表", EN: "Z report"}, "day": {ZH: "营业日", EN: "Business day"}, "z_sales": {ZH: "销售笔数", EN: "Sales"}, "z_refunds": {ZH: "退款笔数", EN: "Refunds"}, "z_voids": {ZH: "作废笔数", EN: "Voids"},
	"z_numbers": {ZH: "小票号", EN: "Numbers"}, "z_gross": {ZH: "总额", EN: "Gross"}, "z_discounts": {ZH: "优惠", EN: "Discounts"}, "z_refunded": {ZH: "退款", EN: "Refunded"}, "z_net": {ZH: "净额", EN: "Net"},
	"t_pin": {ZH: "请输入 PIN", EN: "Enter the PIN"}, "pin": {ZH: "收银页面 PIN", EN: "PIN of the cashier page"}, "t_help": {ZH: "按键", EN: "Keys"},
	"h_updown": {ZH: "选择商品行", EN: "Choose a line"}, "h_enter": {ZH: "添加输入的条码（从不收款）", EN: "Add what was typed (never pays)"}, "h_esc": {ZH: "关闭窗口，或取消付款", EN: "Close the window, or cancel the payment"},
	"h_amount": {ZH: "先输入金额再按 F8、F9、F10、F12：只收这么多", EN: "Type an amount, then F8, F9, F10 or F12: only that much"},
	"pickup":   {ZH: "提货单 {0}：请交给顾客，然后确认", EN: "Order {0}: hand it over, then confirm"}, "pickedup": {ZH: "已确认提货", EN: "Handed over"}, "opened": {ZH: "钱箱已打开", EN: "The drawer was opened"},
	"notused":   {ZH: "这个窗口不接受扫描，请先关闭", EN: "This window takes no scans: close it first"},
	"notamount": {ZH: "“{0}”不是金额", EN: "“{0}” is no amount"}, "notqty": {ZH: "“{0}”不是数量", EN: "“{0}” is no quantity"}, "noline": {ZH: "请先选择一行商品", EN: "Choose a line first"},
	"nosale": {ZH: "没有进行中的销售", EN: "No sale is open"}, "voided": {ZH: "本单已作废", EN: "The sale was voided"}, "handout": {ZH: "请退给顾客现金 {0}", EN: "Hand {0} in cash back to the shopper"},
	"signedin": {ZH: "{0} 已登录", EN: "{0} is signed in"}, "signedout": {ZH: "已退出登录", EN: "Signed out"}, "shiftopened": {ZH: "已开班", EN: "The shift is open"},
	"refundok": {ZH: "退款完成 {0}", EN: "Refunded {0}"}, "keypad": {ZH: "数字键盘", EN: "Number pad"}, "erase": {ZH: "删除一位", EN: "Erase one digit"},
	"s_open": {ZH: "进行中", EN: "open"}, "s_paying": {ZH: "付款中", EN: "paying"}, "s_paid": {ZH: "已付款", EN: "paid"}, "s_closed": {ZH: "已完成", EN: "closed"}, "s_void": {ZH: "已作废", EN: "void"}, "s_refunded": {ZH: "已退款", EN: "refunded"}, "s_parked": {ZH: "已挂单", EN: "parked"},
	"m_cash": {ZH: "现金", EN: "cash"}, "m_wallet": {ZH: "电子钱包", EN: "wallet"}, "m_stored_value": {ZH: "储值卡", EN: "stored value"}, "m_coupon": {ZH: "券", EN: "coupon"}, "m_card": {ZH: "银行卡", EN: "card"}, "m_external": {ZH: "外接终端", EN: "terminal"},
	"why_void1": {ZH: "顾客不要了", EN: "Shopper left"}, "why_void2": {ZH: "录错", EN: "Entry error"}, "why_refund1": {ZH: "质量问题", EN: "Faulty goods"}, "why_refund2": {ZH: "顾客退货", EN: "Shopper returns"},
	"why_drawer1": {ZH: "换零钱", EN: "Change money"}, "why_drawer2": {ZH: "检查钱箱", EN: "Drawer check"}, "why_copy1": {ZH: "顾客要求", EN: "Shopper asks"}, "why_copy2": {ZH: "打印不清", EN: "Bad print"}, "why_park1": {ZH: "顾客去拿东西", EN: "Shopper fetches something"},
}

func cashierWord(tag lang.Tag, key string) string {
	w, ok := cashierWords[key]
	if !ok {
		return key
	}
	return w.In(tag)
}

// cashierWordsIn are all words in one language, for the page's module.
func cashierWordsIn(tag lang.Tag) map[string]string {
	list := make(map[string]string, len(cashierWords))
	for key, w := range cashierWords {
		list[key] = w.In(tag)
	}
	return list
}
