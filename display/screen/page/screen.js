// The customer screen: draws the scene that the agent sends, whole, each time.
// Everything from the scene enters the page as text, never as markup.

const WORDS = {
  "zh-CN": {
    welcome: "欢迎光临", total: "合计", pieces: n => `共 ${n} 件`, saved: "已优惠", was: "原价", due: "应付金额",
    scan: "请用手机扫码付款", offlineTitle: "离线付款", offlineSteps: ["扫描二维码", "在手机上付款", "把绿色凭证码对准扫描枪"], show: "请出示付款码", expires: "有效时间", expired: "付款码已失效", expiredHint: "请稍候，或咨询收银员",
    broken: "付款码无法显示，请咨询收银员", processing: "正在确认付款", processingHint: "请勿重复付款", paid: "支付成功",
    thanks: "谢谢惠顾，请带好随身物品", change: "找零", failed: "付款未成功", failedHint: "请重试或换一种付款方式",
    offers: "为您准备的优惠", left: "剩余", member: "会员", hello: n => n ? `${n}，您好` : "您好", joined: "欢迎成为会员",
    points: "本次积分", balance: "积分余额", card: "储值卡", cardBalance: "卡内余额", bought: "本次充值", pickup: "取货", pickupHint: "请核对商品后取走",
    closed: "本台暂停收款", closedHint: "请到其他收银台结账", away: "请稍候，正在恢复显示", sale: "单号", off: "折",
    methods: { wallet: "手机支付", stored_value: "储值卡", coupon: "优惠券", cash: "现金", card: "银行卡", external: "其他方式" },
    schemes: { wechat: "微信支付", alipay: "支付宝", unionpay: "云闪付", ecny: "数字人民币" },
  },
  en: {
    welcome: "Welcome", total: "Total", pieces: n => n === 1 ? "1 item" : `${n} items`, saved: "You save", was: "was", due: "Amount due",
    scan: "Scan with your phone to pay", offlineTitle: "Paying without network", offlineSteps: ["Scan the code", "Pay on your phone", "Show the green code to the scanner"], show: "Please show your payment code", expires: "Valid for", expired: "This code has expired", expiredHint: "One moment, or ask the cashier",
    broken: "The code cannot be shown. Please ask the cashier", processing: "Confirming your payment", processingHint: "Please do not pay again", paid: "Paid",
    thanks: "Thank you. Please take your belongings", change: "Change", failed: "Payment not completed", failedHint: "Please try again or pay another way",
    offers: "Offers for you", left: "Ends in", member: "Member", hello: n => n ? `Hello, ${n}` : "Hello", joined: "Welcome as a new member",
    points: "Points earned", balance: "Points balance", card: "Stored-value card", cardBalance: "Card balance", bought: "Topped up", pickup: "Pick-up", pickupHint: "Please check your goods",
    closed: "This till is closed", closedHint: "Please use another till", away: "One moment please", sale: "Sale", off: "off",
    methods: { wallet: "Mobile payment", stored_value: "Stored-value card", coupon: "Coupon", cash: "Cash", card: "Card", external: "Other" },
    schemes: { wechat: "WeChat Pay", alipay: "Alipay", unionpay: "UnionPay", ecny: "e-CNY" },
  },
};
const SILENCE = 3000; // ms without a heartbeat until the pay code goes

const stage = document.getElementById("stage");
const away = document.getElementById("away");
let scene = null, build = "", heard = -Infinity, offset = 0, source = null, words = WORDS["zh-CN"], seen = "", known = new Set();

// ---- small helpers

function h(tag, cls, ...children) {
  const el = document.createElement(tag);
  if (cls) el.className = cls;
  el.append(...children.filter(c => c !== null && c !== undefined && c !== ""));
  return el;
}

function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const p = document.createElementNS("http://www.w3.org/2000/svg", "path");
  p.setAttribute("d", path);
  svg.append(p);
  return svg;
}

const TICK = "M4.5 12.8 9.6 18 19.5 6.5", CROSS = "M6 6l12 12M18 6 6 18", INFO = "M12 10.5v7M12 6.5v.2", BAR = "M6 12h12", PHONE = "M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zM10.5 7h3v3h-3zM11 18h2", BAG = "M6 8h12l1 12H5L6 8zM9 8a3 3 0 0 1 6 0";

let formats = new Map();
function format(currency) {
  const key = words === WORDS.en ? "en" : "zh-CN";
  if (!formats.has(key + currency)) {
    let f;
    try { f = new Intl.NumberFormat(key, { style: "currency", currency, currencyDisplay: "narrowSymbol" }); }
    catch { f = new Intl.NumberFormat(key, { minimumFractionDigits: 2, maximumFractionDigits: 2 }); }
    formats.set(key + currency, f);
  }
  return formats.get(key + currency);
}

function money(minor) {
  const f = format(scene.currency || "CNY");
  return f.format(minor / 10 ** f.resolvedOptions().maximumFractionDigits);
}

// digits is an amount with small decimals, scaled by fit() to its box.
function digits(minor, cls) {
  const f = format(scene.currency || "CNY");
  const el = h("div", "digits " + (cls || ""));
  const inner = h("span", "fit");
  for (const part of f.formatToParts(minor / 10 ** f.resolvedOptions().maximumFractionDigits)) {
    const small = part.type === "currency" || part.type === "decimal" || part.type === "fraction";
    inner.append(h("span", small ? "minor" : "", part.value));
  }
  el.append(inner);
  return el;
}

function fit() {
  for (const box of document.querySelectorAll(".digits")) {
    const inner = box.firstElementChild;
    inner.style.fontSize = "";
    const room = box.clientWidth, need = inner.scrollWidth || inner.getBoundingClientRect().width;
    if (need > room && need > 0) inner.style.fontSize = `${Math.floor(100 * room / need)}%`;
  }
}

const now = () => Date.now() + offset;

function remaining(until) {
  const s = Math.max(0, Math.ceil((Date.parse(until) - now()) / 1000));
  const m = Math.floor(s / 60);
  return m >= 60 ? `${Math.floor(m / 60)}:${String(m % 60).padStart(2, "0")}:${String(s % 60).padStart(2, "0")}` : `${m}:${String(s % 60).padStart(2, "0")}`;
}

const hasEnd = t => t && !t.startsWith("0001-");

// picture asks the server for a code or picture and shows it with whole pixels
// of the glass per pixel of the picture. cells is its box in rem.
function picture(path, query, cells, exact, broken) {
  const box = h("div", "code");
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const dpr = window.devicePixelRatio || 1;
  const side = Math.floor(cells * rem * dpr);
  const img = new Image();
  img.alt = "";
  img.decoding = "sync";
  img.addEventListener("load", () => {
    if (exact) {
      img.style.width = img.style.height = `${img.naturalWidth / dpr}px`;
      img.classList.add("exact");
    }
    box.replaceChildren(img);
  });
  img.addEventListener("error", () => box.replaceChildren(broken ? h("p", "broken", broken) : ""));
  img.src = `/screen/${path}?${new URLSearchParams({ ...query, side })}`;
  return box;
}

// ---- pieces

function lineRow(l) {
  const was = l.old_price > l.unit_price ? h("s", "was", money(l.old_price)) : null;
  const quantity = h("span", "quantity", `${l.quantity}${l.unit && l.unit !== "each" ? " " + l.unit : ""} × ${money(l.unit_price)}`);
  const cut = l.discount > 0 ? h("span", "cut", `−${money(l.discount)}`) : null;
  const fresh = l.highlight && !known.has(`${scene.sale_id}/${l.line}/${l.quantity}`);
  const row = h("li", "line" + (l.highlight ? " highlight" : "") + (fresh ? " fresh" : ""),
    h("bdi", "name", l.name), h("span", "sum", money(l.total)), h("span", "detail", quantity, was, cut));
  if (l.highlight) row.setAttribute("aria-current", "true");
  return row;
}

function goods() {
  const list = h("ol", "lines", ...scene.lines.map(lineRow));
  const note = scene.kind === "basket" ? [scene.title, scene.text].filter(Boolean) : [];
  return h("section", "goods", list, note.length ? h("p", "toast", ...note.map(t => h("bdi", "", t))) : null);
}

function pieces() {
  let n = 0;
  for (const l of scene.lines) n += /^\d+$/.test(l.quantity) ? Number(l.quantity) : 1;
  return n;
}

function totalPanel(label) {
  const panel = h("section", "panel", h("p", "label", label), digits(scene.total ?? 0, "huge"));
  if (scene.lines.length) panel.append(h("p", "count", words.pieces(pieces())));
  if (scene.discount_total > 0) panel.append(h("p", "saved", `${words.saved} ${money(scene.discount_total)}`));
  return panel;
}

function reference() {
  if (scene.number) return `${words.sale} ${scene.number}`;
  return scene.sale_id ? `${words.sale} ${scene.sale_id.slice(-6)}` : "";
}

function payPanel() {
  const p = scene.pay;
  const panel = h("section", "panel pay", h("p", "label", words.due), digits(p.amount, "due"));
  const card = h("div", "paycard");
  card.dataset.until = p.expires_at;
  card.append(picture("pay.png", { id: p.payment_id }, 21.6, !p.picture_png_base64, words.broken));
  panel.append(card, p.offline
    ? h("ol", "steps", ...words.offlineSteps.map(t => h("li", "", t)))
    : h("p", "scan", words.scan));
  const foot = h("p", "foot");
  if (hasEnd(p.expires_at)) {
    const left = h("b", "left", remaining(p.expires_at));
    left.dataset.until = p.expires_at;
    foot.append(h("span", "", words.expires), " ", left);
  }
  if (reference()) foot.append(h("span", "reference", reference()));
  panel.append(foot);
  return panel;
}

// showPanel asks for the code on the shopper's phone.
function showPanel() {
  return h("section", "panel wait", h("p", "label", words.due), digits(scene.total ?? 0, "due"), h("div", "badge", icon(PHONE)),
    h("p", "scan", h("bdi", "", scene.title || words.show)), scene.text ? h("p", "foot", h("bdi", "", scene.text)) : null);
}

// blank takes the pay code off the glass.
function blank(title, hint) {
  const card = document.querySelector(".paycard");
  if (!card || card.classList.contains("blank")) return;
  card.classList.add("blank");
  card.replaceChildren(h("b", "", title), h("span", "", hint));
  document.querySelector(".pay .scan")?.remove();
}

function codes(list) {
  if (!list.length) return null;
  return h("section", "codes", ...list.slice(0, 3).map(q =>
    h("figure", "", picture("qr.png", { u: q.url }, list.length > 2 ? 9 : 12, true), h("figcaption", "", h("bdi", "", q.title)))));
}

function tenderName(t) {
  return (t.scheme && words.schemes[t.scheme]) || words.methods[t.method] || t.method;
}

function fact(name, value, cls) {
  return h("div", "fact " + (cls || ""), h("dt", "", name), h("dd", "", value));
}

// facts lists what the shopper is told after paying.
function facts(p) {
  const list = h("dl", "facts");
  for (const t of p.tenders || []) list.append(fact(tenderName(t), money(t.amount)));
  if (p.change) list.append(fact(words.change, money(p.change), "change"));
  if (p.stored_value) {
    if (p.stored_value.bought) list.append(fact(words.bought, money(p.stored_value.bought)));
    list.append(fact(`${words.cardBalance} ${p.stored_value.card_masked}`, money(p.stored_value.balance)));
  }
  if (p.points) {
    if (p.points.earned) list.append(fact(words.points, `+${p.points.earned}`));
    if (p.points.balance !== undefined) list.append(fact(words.balance, String(p.points.balance)));
  }
  return list;
}

function membership(m) {
  if (!m) return null;
  return h("p", "membership", h("b", "", m.joined ? words.joined : words.member),
    h("bdi", "", [m.name_masked, m.level].filter(Boolean).join(" · ") || m.id_masked));
}

function offerCard(o) {
  const card = h("article", "offer");
  if (o.picture_png_base64) card.append(picture("offer.png", { id: o.id }, 16, false));
  const body = h("div", "words", o.brand ? h("bdi", "brand", o.brand) : null, h("bdi", "title", o.title), o.text ? h("bdi", "text", o.text) : null);
  if (hasEnd(o.expires)) {
    const left = h("b", "left", remaining(o.expires));
    left.dataset.until = o.expires;
    body.append(h("p", "ends", words.left, " ", left));
  }
  card.append(body);
  if (o.url) card.append(picture("qr.png", { u: o.url }, 9, true));
  return card;
}

function notice(cls, path, title, text, ...more) {
  return h("section", "notice " + cls, h("div", "badge", icon(path)), h("h1", "", h("bdi", "", title)),
    text ? h("p", "text", h("bdi", "", text)) : null, ...more);
}

// ---- scenes

const SCENES = {
  idle: () => [h("section", "idle", h("h1", "", h("bdi", "", scene.title || words.welcome)), scene.text ? h("p", "text", h("bdi", "", scene.text)) : null, codes(scene.qr))],
  basket: () => [goods(), totalPanel(words.total)],
  paying: () => [goods(), scene.pay ? payPanel() : showPanel()],
  processing: () => [goods(), h("section", "panel wait", h("p", "label", words.due), digits(scene.pay?.amount ?? scene.total ?? 0, "due"), h("div", "spinner"),
    h("p", "scan", scene.title || words.processing), h("p", "foot", scene.text || words.processingHint))],
  paid: () => {
    const p = scene.paid || { tenders: [] };
    const sum = (p.tenders || []).reduce((n, t) => n + t.amount, 0);
    return [h("section", "success", h("div", "badge", icon(TICK)), h("h1", "", scene.title || words.paid), digits(scene.total ?? sum, "due"),
      membership(p.member), facts(p), h("p", "text", h("bdi", "", scene.text || words.thanks)), reference() ? h("p", "reference", reference()) : null), codes(scene.qr)];
  },
  failed: () => [scene.lines.length ? goods() : null, notice("failure", CROSS, scene.title || words.failed, scene.text || words.failedHint, scene.total !== undefined ? digits(scene.total, "due") : null)],
  offers: () => [h("section", "offers", h("h1", "", h("bdi", "", scene.title || words.offers)), scene.text ? h("p", "text", h("bdi", "", scene.text)) : null,
    h("div", "cards", ...scene.offers.slice(0, 3).map(offerCard)), codes(scene.qr))],
  member: () => {
    const m = scene.paid?.member;
    return [scene.lines.length ? goods() : null, notice("member", TICK, scene.title || words.hello(m?.name_masked), scene.text, membership(m), scene.paid ? facts(scene.paid) : null,
      scene.total !== undefined ? digits(scene.total, "due") : null)];
  },
  pickup: () => [scene.lines.length ? goods() : null, notice("pickup", BAG, scene.title || words.pickup, scene.text || words.pickupHint)],
  message: () => [scene.lines.length ? goods() : null, notice("message", INFO, scene.title || "", scene.text, scene.lines.length && scene.total !== undefined ? digits(scene.total, "due") : null, codes(scene.qr))],
  closed_till: () => [notice("closed", BAR, scene.title || words.closed, scene.text || words.closedHint, codes(scene.qr))],
};

function draw() {
  words = WORDS[scene.language] || (/^en/i.test(scene.language) ? WORDS.en : WORDS["zh-CN"]);
  document.documentElement.lang = words === WORDS.en ? "en" : "zh-CN";
  document.body.dataset.kind = SCENES[scene.kind] ? scene.kind : "idle";
  document.body.dataset.sale = scene.sale_id || "";
  document.body.classList.remove("waiting");
  stage.replaceChildren(...(SCENES[scene.kind] || SCENES.idle)().filter(Boolean));
  stage.className = stage.querySelector(".goods") ? "split" : "whole";
  stage.querySelector(".highlight, .line:last-child")?.scrollIntoView({ block: "nearest" });
  known = new Set(scene.lines.map(l => `${scene.sale_id}/${l.line}/${l.quantity}`));
  fit();
  tick();
}

// ---- time and life

function tick() {
  for (const el of document.querySelectorAll(".left")) {
    const text = remaining(el.dataset.until);
    if (el.textContent !== text) el.textContent = text;
    el.classList.toggle("soon", Date.parse(el.dataset.until) - now() < 30000);
  }
  const card = document.querySelector(".paycard");
  if (card && hasEnd(card.dataset.until) && Date.parse(card.dataset.until) <= now()) blank(words.expired, words.expiredHint);
  const silent = performance.now() - heard > SILENCE;
  if (silent) blank(words.away, "");
  document.body.classList.toggle("away", silent);
  away.textContent = silent ? words.away : "";
}

function alive(at) {
  heard = performance.now();
  offset = Date.parse(at) - Date.now();
}

function connect() {
  source?.close();
  source = new EventSource("/screen/events");
  source.addEventListener("hello", e => {
    const d = JSON.parse(e.data);
    if (build && build !== d.build) location.reload();
    build = d.build;
    alive(d.now);
    seen = "";
  });
  source.addEventListener("scene", e => {
    heard = performance.now();
    if (e.data === seen) return;
    seen = e.data;
    scene = JSON.parse(e.data);
    draw();
  });
  source.addEventListener("beat", e => { alive(JSON.parse(e.data).now); tick(); });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 1000);
  });
}

addEventListener("resize", () => scene && draw());
addEventListener("contextmenu", e => e.preventDefault());
setInterval(tick, 250);
connect();
