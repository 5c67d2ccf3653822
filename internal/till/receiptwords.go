package till

import (
	"tilld/internal/lang"
	"tilld/internal/sale"
)

// Lines of a receipt.
var (
	lineReceipt       = lang.Text{ZH: "购物小票", EN: "Receipt"}
	lineRefundReceipt = lang.Text{ZH: "退款小票", EN: "Refund"}
	lineStoreCopy     = lang.Text{ZH: "商户存根", EN: "Store's copy"}
	lineNumber        = lang.Text{ZH: "单号", EN: "No."}
	lineOriginal      = lang.Text{ZH: "原单号", EN: "Original no."}
	lineStore         = lang.Text{ZH: "门店", EN: "Store"}
	lineTill          = lang.Text{ZH: "收银机", EN: "Till"}
	lineTime          = lang.Text{ZH: "时间", EN: "Time"}
	lineCashier       = lang.Text{ZH: "收银员", EN: "Cashier"}
	lineAdviser       = lang.Text{ZH: "导购", EN: "Adviser"}
	lineOldPrice      = lang.Text{ZH: "原价", EN: "was"}
	lineDiscount      = lang.Text{ZH: "优惠", EN: "discount"}
	lineCoupon        = lang.Text{ZH: "优惠券", EN: "Coupon"}
	lineSaved         = lang.Text{ZH: "共优惠", EN: "You saved"}
	lineTotal         = lang.Text{ZH: "合计", EN: "TOTAL"}
	lineGiven         = lang.Text{ZH: "收到", EN: "given"}
	lineChange        = lang.Text{ZH: "找零", EN: "Change"}
	lineReference     = lang.Text{ZH: "参考号", EN: "ref."}
	lineBalance       = lang.Text{ZH: "余额", EN: "balance"}
	lineBought        = lang.Text{ZH: "购买储值卡", EN: "Stored value bought"}
	lineCard          = lang.Text{ZH: "储值卡余额", EN: "Card balance"}
	lineMember        = lang.Text{ZH: "会员", EN: "Member"}
	lineJoined        = lang.Text{ZH: "欢迎成为会员", EN: "Welcome as a member"}
	linePoints        = lang.Text{ZH: "本次积分", EN: "Points earned"}
	linePointsBalance = lang.Text{ZH: "积分余额", EN: "Points balance"}
	lineIssued        = lang.Text{ZH: "赠券", EN: "Coupon for you:"}
	lineValid         = lang.Text{ZH: "有效期至", EN: "valid until"}
	lineInvoice       = lang.Text{ZH: "扫码开具电子发票", EN: "Scan for the e-invoice"}
	lineRefunded      = lang.Text{ZH: "退款金额", EN: "REFUNDED"}
	lineReason        = lang.Text{ZH: "原因", EN: "Reason"}
)

// tenderName names a tender for people.
func (t *Till) tenderName(x sale.Tender) string {
	name := lang.Text{ZH: x.Method, EN: x.Method}
	switch x.Method {
	case "cash":
		name = lang.Text{ZH: "现金", EN: "Cash"}
	case "wallet":
		name = walletName(x.Scheme)
	case "stored_value":
		name = lang.Text{ZH: "储值卡", EN: "Stored value"}
	case "coupon":
		name = lang.Text{ZH: "优惠券", EN: "Coupon"}
	case "card":
		name = lang.Text{ZH: "银行卡", EN: "Card"}
	case "external":
		name = lang.Text{ZH: "其他支付", EN: "Other payment"}
	}
	return t.word(name)
}

func walletName(scheme string) lang.Text {
	switch scheme {
	case "wechat":
		return lang.Text{ZH: "微信支付", EN: "WeChat Pay"}
	case "alipay":
		return lang.Text{ZH: "支付宝", EN: "Alipay"}
	case "unionpay":
		return lang.Text{ZH: "云闪付", EN: "UnionPay"}
	case "ecny":
		return lang.Text{ZH: "数字人民币", EN: "e-CNY"}
	default:
		return lang.Text{ZH: "移动支付", EN: "Wallet"}
	}
}
