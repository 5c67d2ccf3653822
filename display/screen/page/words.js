// What the page says by itself, in both languages, and how it writes money,
// quantities and times.

const ZH = {
  welcome: "欢迎光临", total: "合计", pieces: n => `共 ${n} 件`, above: n => `上面还有 ${n} 行`, saved: "已优惠", subtotal: "小计", due: "应付金额",
  scan: "请用手机扫码付款", apps: "可用", show: "请出示付款码", showHint: "打开手机里的付款码，对准扫描枪", expires: "剩余时间",
  expired: "付款码已失效", expiredHint: "请勿再扫，稍候片刻或咨询收银员", broken: "付款码无法显示，请咨询收银员",
  offlineTitle: "门店网络中断，仍可手机付款", offlineSteps: ["用手机扫描此码", "在手机上完成付款", "把手机上的绿色凭证码对准扫描枪"],
  processing: "正在确认付款", processingHint: "请稍候，不要重复付款",
  paid: "付款成功，谢谢惠顾", thanks: "请带好随身物品", change: "找零", tenders: "付款方式",
  failed: "付款未成功", failedSteps: ["请检查余额或付款限额", "可以重试，或换一种付款方式"],
  reasons: {
    expired: ["付款码已过期", ["还没有付款：请收银员重新出码", "手机已显示付款成功：请出示给收银员，不会重复收款"]],
    no_link: ["暂时无法手机付款", ["门店网络中断，正在恢复", "可以用现金付款，或稍候再试"]],
  },
  offers: "为您准备的优惠", left: "剩余", ended: "已结束", member: "会员", hello: n => n ? `${n}，您好` : "您好", joined: "欢迎成为会员",
  points: "本次积分", balance: "积分余额", cardBalance: "储值卡余额", bought: "本次充值",
  coupons: "获得优惠券", more: n => `另有 ${n} 张`, until: d => `有效期至 ${d}`,
  pickup: "取货", pickupHint: "请核对商品后取走", closed: "本台暂停服务", closedHint: "请前往其他收银台",
  away: "请稍候，正在恢复显示", gone: "本屏暂时无法更新", goneHint: "请以收银员告知的金额为准", sale: "单号", was: "原价",
  methods: { wallet: "手机支付", stored_value: "储值卡", coupon: "优惠券", cash: "现金", card: "银行卡", external: "其他方式" },
  schemes: { wechat: "微信支付", alipay: "支付宝", unionpay: "云闪付", ecny: "数字人民币" },
};

const EN = {
  welcome: "Welcome", total: "Total", pieces: n => n === 1 ? "1 item" : `${n} items`, above: n => `${n} more above`, saved: "You save", subtotal: "Subtotal", due: "Amount due",
  scan: "Scan with your phone to pay", apps: "With", show: "Please show your payment code", showHint: "Open the payment code on your phone and hold it to the scanner", expires: "Time left",
  expired: "This code has expired", expiredHint: "Please do not scan it. One moment, or ask the cashier", broken: "The code cannot be shown. Please ask the cashier",
  offlineTitle: "No network here, your phone can still pay", offlineSteps: ["Scan this code", "Pay on your phone", "Show the green code on your phone to the scanner"],
  processing: "Confirming your payment", processingHint: "One moment, please do not pay again",
  paid: "Paid. Thank you", thanks: "Please take your belongings", change: "Change", tenders: "Paid with",
  failed: "Payment not completed", failedSteps: ["Please check your balance or limit", "Try again, or pay another way"],
  reasons: {
    expired: ["The code has expired", ["Not paid yet: ask the cashier for a new code", "Your phone says paid: show it to the cashier, you will not pay twice"]],
    no_link: ["Phone payment is not possible now", ["Our network is down and coming back", "Please pay in cash, or try again in a moment"]],
  },
  offers: "Offers for you", left: "Ends in", ended: "Ended", member: "Member", hello: n => n ? `Hello, ${n}` : "Hello", joined: "Welcome as a new member",
  points: "Points earned", balance: "Points balance", cardBalance: "Card balance", bought: "Topped up",
  coupons: "Coupons for you", more: n => `${n} more`, until: d => `until ${d}`,
  pickup: "Pick-up", pickupHint: "Please check your goods", closed: "This till is closed", closedHint: "Please use another till",
  away: "One moment please", gone: "This screen cannot be updated now", goneHint: "Please go by the amount the cashier tells you", sale: "Sale", was: "was",
  methods: { wallet: "Mobile payment", stored_value: "Stored-value card", coupon: "Coupon", cash: "Cash", card: "Card", external: "Other" },
  schemes: { wechat: "WeChat Pay", alipay: "Alipay", unionpay: "UnionPay", ecny: "e-CNY" },
};

export let words = ZH;

// speak chooses the language of what is written from now on.
export function speak(language) {
  words = /^en/i.test(language || "") ? EN : ZH;
  document.documentElement.lang = words === EN ? "en" : "zh-CN";
}

let formats = new Map();

// format is how amounts of a currency are written; one it does not know is
// written as a number.
export function format(currency) {
  const key = document.documentElement.lang + currency;
  if (!formats.has(key)) {
    if (formats.size > 16) formats = new Map();
    let f;
    try { f = new Intl.NumberFormat(document.documentElement.lang, { style: "currency", currency, currencyDisplay: "narrowSymbol" }); }
    catch { f = new Intl.NumberFormat(document.documentElement.lang, { minimumFractionDigits: 2, maximumFractionDigits: 2 }); }
    formats.set(key, f);
  }
  return formats.get(key);
}

// amount writes minor units of a currency.
export function amount(minor, currency) {
  const f = format(currency);
  return f.format(minor / 10 ** f.resolvedOptions().maximumFractionDigits);
}

// parts is an amount cut into what is written large and what is written small.
export function parts(minor, currency) {
  const f = format(currency);
  return f.formatToParts(minor / 10 ** f.resolvedOptions().maximumFractionDigits);
}

// clock writes milliseconds as 4:59 or 1:04:59.
export function clock(ms) {
  const s = Math.max(0, Math.ceil(ms / 1000)), m = Math.floor(s / 60), two = n => String(n).padStart(2, "0");
  return m >= 60 ? `${Math.floor(m / 60)}:${two(m % 60)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}
