// The cashier page. It keeps nothing: what it shows is what the agent says, read
// anew whenever the agent says that something changed. All text goes in as text
// nodes. No key that a scanner can type pays: see "Keys".

const W = JSON.parse(document.body.dataset.words);
const { lang, currency, zone } = document.body.dataset;
const $ = id => document.getElementById(id);
const t = (key, ...args) => (W[key] ?? key).replace(/\{(\d)\}/g, (_, n) => args[n]);

const coin = new Intl.NumberFormat(lang, { style: "currency", currency, currencyDisplay: "narrowSymbol" });
const digits = coin.resolvedOptions().maximumFractionDigits;
const money = n => coin.format(n / 10 ** digits);
const plainMoney = n => (n / 10 ** digits).toFixed(digits);
const clock = at => new Intl.DateTimeFormat(lang, { timeZone: zone, month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" }).format(new Date(at));

// parseMoney reads "12.5" as minor units; null is no amount.
function parseMoney(text) {
  const m = /^(\d{1,8})(?:[.。](\d*))?$/.exec(text.trim().replace(",", "."));
  if (!m || (m[2] ?? "").length > digits) return null;
  return Number(m[1]) * 10 ** digits + Number((m[2] ?? "").padEnd(digits, "0") || 0);
}

// Outside text must not turn the text around it: no direction controls.
const plain = (_, v) => typeof v === "string" ? v.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "") : v;

function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter(c => c != null));
  return node;
}

// ---- The agent ----

class Problem extends Error {
  constructor(p, status) { super(p.detail || String(status)); this.code = p.code; this.field = p.field; this.status = status; }
}

const sleep = ms => new Promise(done => setTimeout(done, ms));
const newKey = () => "page-" + Array.from(crypto.getRandomValues(new Uint8Array(16)), b => b.toString(16).padStart(2, "0")).join("");
const patience = 60_000;
let away = 0; // when the agent was missed first, 0 while it answers

function setAway(is) {
  if (is === away > 0) return;
  away = is ? performance.now() : 0;
  if (is) say("lost", "bad"); else { say("back", "good"); refresh(); readStatus(); }
  absence();
  render();
}

// absence covers what may not be so any more, once an agent is missed for longer
// than a restart of the connection takes.
function absence() {
  const gone = away ? performance.now() - away : 0;
  document.body.classList.toggle("away", gone > 800);
  if (!away) return;
  if (gone > 800) $("since").textContent = t("gone_since", Math.floor(gone / 60_000) + ":" + String(Math.floor(gone / 1000) % 60).padStart(2, "0"));
  setTimeout(absence, 250);
}

// pulse notices an agent that hangs: its connections stay open.
async function pulse() {
  try {
    const r = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(4000) });
    await r.text();
    setAway(false);
  } catch { setAway(true); }
  setTimeout(pulse, 2000);
}

// ask asks until there is an answer. What has an effect carries one key for all
// its tries, so a lost answer is never done twice.
async function ask(method, path, body, key) {
  const began = performance.now();
  for (let wait = 200; ; wait = Math.min(wait * 2, 2000)) {
    let r, text;
    try {
      const headers = { "Accept-Language": lang };
      if (method !== "GET") headers["Content-Type"] = "application/json";
      if (key) headers["Idempotency-Key"] = key;
      r = await fetch(path, { method, headers, cache: "no-store", body: method === "GET" ? undefined : JSON.stringify(body ?? {}) });
      text = await r.text();
    } catch {
      setAway(true);
      if (performance.now() - began > patience) throw new Problem({ code: "no_answer", detail: t("lostlong") }, 0);
      await sleep(wait);
      continue;
    }
    setAway(false);
    let answer = {};
    try { answer = JSON.parse(text, plain); } catch { /* not from the agent: told by its status */ }
    if ((r.status === 401 || r.status === 403 && answer.code === "sign_in_needed") && path !== "/cashier/session") { await openSession(); continue; }
    if (!r.ok) throw new Problem(answer, r.status);
    return answer;
  }
}
const get = path => ask("GET", path);

// openSession renews the cookie; asks for the PIN when there is one.
let opening = null;
function openSession() {
  opening ??= (async () => {
    try { await ask("POST", "/cashier/session", {}); } catch (p) {
      if (p.code !== "pin_needed") throw p;
      await askPIN();
    }
  })().finally(() => { opening = null; });
  return opening;
}

const busy = new Set();
// act does one thing once: a second press while it is under way, or just after,
// is the same press.
async function act(name, fn) {
  if (busy.has(name)) return;
  busy.add(name);
  render();
  try { return await fn(); } catch (p) { problem(p); } finally {
    await refresh();
    setTimeout(() => { busy.delete(name); render(); }, 250);
  }
}
const post = (path, body, key = newKey()) => ask("POST", path, body, key);

// ---- State ----

const state = { sale: null, desk: { parked: [] }, last: null, status: null };
let chosen = 0, reading = null, again = false;

// refresh reads everything anew; it ends when what it was called for is shown.
function refresh() {
  again = true;
  reading ??= readAll().finally(() => { reading = null; });
  return reading;
}

async function readAll() {
  try {
    while (again) {
      again = false;
      const [desk, sale] = await Promise.all([get("/v1/cashier"), get("/v1/sales/current").catch(p => { if (p.code === "no_current_sale") return null; throw p; })]);
      const last = !sale && desk.last ? await get(`/v1/sales/${desk.last}`).catch(() => null) : null;
      Object.assign(state, { desk, sale, last });
    }
  } catch (p) { problem(p); }
  render();
}

async function readStatus() {
  try { state.status = await get("/v1/status"); } catch (p) { problem(p); }
  render();
}

function listen() {
  const source = new EventSource("/v1/events");
  source.onopen = () => { setAway(false); refresh(); readStatus(); };
  source.onerror = () => {
    source.close();
    setTimeout(async () => { await refresh(); listen(); }, 500);
  };
  for (const name of ["sale", "print", "scene"]) source.addEventListener(name, refresh);
  for (const name of ["link", "condition", "device"]) source.addEventListener(name, readStatus);
  source.addEventListener("scan", e => {
    const row = JSON.parse(e.data, plain);
    if (row.refused) say(row.refused.detail, "bad", true);
    refresh();
  });
}

// ---- Words to the cashier ----

let hush = 0;
function say(key, cls = "good", raw = false) {
  const n = dialog.open ? dialog.querySelector(".say") ?? $("notice") : $("notice");
  for (const x of new Set([n, $("notice")])) { x.textContent = raw ? key : t(key); x.className = x === $("notice") ? cls : "say " + cls; }
  clearTimeout(hush);
  if (key !== "lost") hush = setTimeout(() => { if (!away) $("notice").textContent = ""; }, cls === "bad" ? 12_000 : 5_000);
}
function problem(p) {
  if (!(p instanceof Problem)) { console.error(p); say(String(p), "bad", true); return; }
  say(p.message, "bad", true);
}

// ---- Drawing ----

const due = s => s.total - s.paid;
const paying = s => s?.state === "paying";
const method = m => W["m_" + m] ?? m;

const actions = [
  ["qty", "F2", ["F2"], () => state.sale?.items.length, askQuantity],
  ["discount", "F3", ["F3"], () => state.sale?.items.length, askDiscount],
  ["find", "F4", ["F4"], () => true, findArticle],
  ["remove", t("k_del"), ["Delete"], () => state.sale?.items.length, removeLine],
  ["park", "F6", ["F6"], () => state.sale || state.desk.parked.length, parkOrRecall],
  ["past", "F7", ["F7"], () => true, () => pastSales()],
  ["reprint", t("k_ins"), ["Insert"], () => state.last, () => reprint(state.last)],
  ["void", t("k_sdel"), ["Shift+Delete"], () => state.sale, voidSale],
  ["cash", "F8", ["F8"], () => canPay(), payCash, "primary"],
  ["qr", "F9", ["F9"], () => canPay(), payQR, "primary"],
  ["collect", "F10", ["F10"], () => canCollect(), payCollect, "primary"],
  ["external", "F12", ["F12"], () => canPay(), payExternal, "primary"],
  ["paycode", "Shift+F9", ["Shift+F9"], () => canCode(), payCode, "primary"],
  ["cancel", t("k_esc"), ["Escape"], () => paying(state.sale) || state.desk.collecting, cancelPayment],
  ["pickup", t("k_home"), ["Home"], () => state.desk.pickup, confirmPickup],
  ["more", "F1", ["F1"], () => true, more],
];
const payments = new Set(["cash", "qr", "collect", "external", "paycode"]);
// A request that was made offline and says that a code will do.
const canCode = () => [state.sale?.payment, ...state.sale?.payments ?? []].some(p => p?.request && p.state !== "paid");
const owes = () => state.sale && state.sale.items.length > 0 && due(state.sale) > 0;
// While a payment is under way the till takes no other: it ends or is cancelled first.
const canPay = () => owes() && !paying(state.sale);
// But instead of the pay code on the screen the shopper may show one.
const canCollect = () => owes() && (!paying(state.sale) || state.sale.payment?.method === "qr" && !state.sale.payment.request);
// A payment is under way in this page: no second one may start.
const payBusy = () => [...busy].some(n => payments.has(n));

for (const [name, key, , , run, cls] of actions) {
  $("actions").append(el("button", { type: "button", "data-act": name, class: cls, onclick: () => { run(); focusHome(); } }, el("kbd", {}, key), el("span", {}, t("a_" + name))));
}

function render() {
  const { sale, desk, last, status } = state;
  $("who").textContent = desk.cashier || t("nobody");
  $("shift").textContent = desk.shift ? t("shift") : t("noshift");
  $("parked").textContent = desk.parked.length ? t("parkedcount", desk.parked.length) : "";
  const link = away ? "gone" : status?.link.state ?? "connecting";
  $("link").textContent = t("link" + link);
  $("link").className = link;
  renderLines(sale);
  renderSum(sale, last);
  renderPayment(sale, last);
  renderConditions(status);
  const m = sale?.member;
  $("member").hidden = !m;
  if (m) $("member").textContent = [t("member"), m.name_masked, m.id_masked, m.level, m.points_balance != null ? t("points", m.points_balance) : ""].filter(Boolean).join(" · ");
  const p = desk.pickup;
  $("pickup").hidden = !p;
  if (p) $("pickup").replaceChildren(el("b", {}, t("pickup", p.number || p.id)), " ", p.shopper_masked ?? "", el("p", {}, p.items.map(i => `${i.name} × ${i.quantity || 1}`).join(", ")));
  if (panel?.over?.()) shut();
  for (const [name, , , can] of actions) {
    const b = document.querySelector(`[data-act="${name}"]`);
    if (name === "paycode") b.hidden = !can();
    b.disabled = away > 0 || !can() || busy.has(name) || payments.has(name) && payBusy();
  }
}

function renderLines(sale) {
  const items = sale?.items ?? [], box = $("lines");
  $("empty").hidden = items.length > 0;
  $("empty").textContent = t("empty") + "\n" + t("emptyhelp");
  box.hidden = items.length === 0;
  if (!items.some(i => i.line === chosen)) chosen = items.at(-1)?.line ?? 0;
  if (items.length !== box.childElementCount && items.length) chosen = box.childElementCount < items.length ? items.at(-1).line : chosen;
  box.replaceChildren(...items.map(i => el("li", { role: "option", id: "line-" + i.line, "aria-selected": String(i.line === chosen), onclick: () => { chosen = i.line; render(); focusHome(); } },
    el("span", { class: "name" }, i.name),
    el("span", { class: "qty" }, `${i.quantity}${i.unit === "kg" ? " kg" : ""} × ${money(i.unit_price)}`),
    el("span", { class: "sum" }, money(i.total)),
    i.discount || i.old_price || i.serial ? el("small", {}, [i.old_price ? t("was", money(i.old_price)) : "", i.discount ? t("off", money(i.discount)) : "", i.serial ? "SN " + i.serial : ""].filter(Boolean).join(" · ")) : null)));
  if (chosen) { box.setAttribute("aria-activedescendant", "line-" + chosen); $("line-" + chosen)?.scrollIntoView({ block: "nearest" }); } else box.removeAttribute("aria-activedescendant");
}

function renderSum(sale, last) {
  const rows = [];
  let title = t("total"), big = money(0);
  if (sale) {
    const part = sale.paid > 0 && due(sale) > 0;
    title = part ? t("due") : t("total");
    big = money(part ? due(sale) : sale.total);
    if (part) rows.push([t("total"), money(sale.total)], [t("paid"), money(sale.paid)]);
    if (sale.discount_total) rows.push([t("discounts"), "−" + money(sale.discount_total)]);
    for (const c of sale.coupons ?? []) if (c.applied) rows.push([t("coupon") + " " + c.title, "−" + money(c.applied)]);
  } else if (last) {
    title = last.change ? t("change") : t("last");
    big = money(last.change || last.total);
    rows.push([t("number"), String(last.number)], [t("total"), money(last.total)]);
    const given = last.tenders.find(x => x.given)?.given;
    if (given) rows.push([t("received"), money(given)]);
    if (last.receipt) rows.push([t("receipt"), t("r_" + last.receipt.outcome)]);
  }
  $("h-total").textContent = title;
  if ($("total").textContent !== big) $("total").textContent = big;
  $("total").className = big.length > 8 ? "long" : "";
  $("sum").className = !sale && last ? "changed" : "";
  $("parts").replaceChildren(...rows.flatMap(([k, v]) => [el("dt", {}, k), el("dd", {}, v)]));
}

function renderPayment(sale, last) {
  const p = sale?.payment;
  let text = "", cls = "warn", left = "";
  const outcome = last?.receipt?.outcome;
  if (sale?.paid_but_changed) text = t("changed"), cls = "bad";
  else if (sale && state.desk.collecting === sale.id) text = t("p_collecting");
  else if (paying(sale) && p) {
    text = p.state === "pending" ? t("p_pending_" + p.method) : t("p_" + p.state);
    if (p.state === "pending" && p.method === "qr") left = p.expires_at;
    if (p.state === "unknown") cls = "bad";
  } else if (sale && p && ["expired", "cancelled", "failed", "unknown"].includes(p.state)) text = t("p_" + p.state), cls = p.state === "cancelled" ? "warn" : "bad";
  else if (!sale && outcome === "unknown") text = t("unknown"), cls = "bad";
  else if (!sale && outcome === "failed") text = t("notprinted"), cls = "bad";
  else if (sale && payBusy()) text = t("busy");
  const box = $("payment");
  const want = text + left;
  if (box.dataset.want !== want) { box.dataset.want = want; box.replaceChildren(text, left ? el("span", { id: "left", "data-at": left, "aria-hidden": "true" }) : ""); }
  box.className = text ? cls : "";
  countdown();
}

function countdown() {
  const left = $("left");
  if (!left) return;
  const s = Math.max(0, Math.round((Date.parse(left.dataset.at) - Date.now()) / 1000));
  left.textContent = " · " + t("p_left", `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`);
}
setInterval(countdown, 1000);
setInterval(readStatus, 15_000);

function renderConditions(status) {
  const list = status?.conditions ?? [], box = $("conditions");
  box.hidden = !list.length;
  if (!list.length) return;
  const c = list[0], want = c.code + c.subject + list.length + c.text;
  box.className = c.severity === "error" ? "error" : "";
  if (box.dataset.want === want) return;
  box.dataset.want = want;
  box.replaceChildren(el("b", {}, c.text), c.remedy ?? "", list.length > 1 ? ` (${t("more_conditions", list.length - 1)})` : "");
}

// ---- Goods ----

// scanned takes a code that was typed or read by a scanner that types.
let line = Promise.resolve();
function scanned(text) {
  const key = newKey(), more = newKey();
  line = line.then(async () => {
    const slow = setTimeout(() => { if (!away) say("looking", "warn"); }, 500);
    try {
      let n = "1", code = text;
      const m = /^(\d{1,3}(?:\.\d{1,3})?)\*(.+)$/.exec(text);
      if (m) [, n, code] = m;
      const item = m ? { code, quantity: n } : { code };
      const sale = state.sale;
      if (paying(sale)) scanSaid(await post("/v1/scans", { code }, key));
      else if (sale) await post(`/v1/sales/${sale.id}/items`, item, key);
      else {
        try { await post("/v1/sales", { items: [item] }, key); } catch (p) {
          if (p.field !== "items") throw p;
          scanSaid(await post("/v1/scans", { code }, more)); // no goods: a badge, a pickup, a member
        }
      }
      if ($("notice").textContent === t("looking")) $("notice").textContent = "";
    } catch (p) { problem(p); }
    clearTimeout(slow);
    await refresh();
  });
  return line;
}
function scanSaid(row) { if (row.refused) say(row.refused.detail, "bad", true); }

const current = () => state.sale?.items.find(i => i.line === chosen);
const lineDo = (name, verb, body) => act(name, () => ask(verb, `/v1/sales/${state.sale.id}/items/${chosen}`, body, newKey()));

function removeLine() { if (current()) lineDo("remove", "DELETE"); else say("noline", "warn"); }

function askQuantity() {
  const i = current();
  if (!i) return say("noline", "warn");
  askNumber(t("t_qty") + ": " + i.name, i.quantity, v => {
    if (!/^\d{1,6}(\.\d{1,3})?$/.test(v)) return t("notqty", v);
    lineDo("qty", "PATCH", { quantity: v });
  });
}

function askDiscount() {
  const i = current();
  if (!i) return say("noline", "warn");
  askNumber(t("t_discount") + ": " + i.name, "", v => {
    const percent = /^(\d{1,3})%$/.exec(v);
    const off = percent ? Math.round((i.total + (i.manual_discount ?? 0)) * Number(percent[1]) / 100) : parseMoney(v);
    if (off == null) return t("notamount", v);
    lineDo("discount", "PATCH", { discount: off });
  }, true);
}

function findArticle() {
  const text = field("findtext", { maxlength: 64 });
  const list = chooser([], t("findtext"));
  let timer = 0, asked = 0;
  const look = async () => {
    const n = ++asked, v = text.input.value.trim();
    if (!v) return list.set([]);
    try {
      const found = (await get("/v1/articles?limit=30&text=" + encodeURIComponent(v))).articles;
      if (n !== asked) return;
      list.set(found.map(a => ({ value: a, label: a.name, side: money(a.unit_price), note: [a.sku, a.gtin, a.old_price ? t("was", money(a.old_price)) : ""].filter(Boolean).join(" · ") })));
      say2(found.length ? "" : t("nofound"), "warn");
    } catch (p) { problem(p); }
  };
  text.input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, 120); });
  const add = () => { const a = list.value(); if (a) { shut(); addItem({ sku: a.sku }); } };
  list.pick = add;
  show(t("t_find"), [text.node, list.node], [
    { label: t("add"), key: "Enter", primary: true, run: add },
    { label: t("byhand"), key: "F2", run: () => byHand(text.input.value) },
  ], text.input, { list, scan: code => { shut(); scanned(code); } });
}

function addItem(item) {
  const sale = state.sale;
  return act("add", () => sale ? post(`/v1/sales/${sale.id}/items`, item) : post("/v1/sales", { items: [item] }));
}

function byHand(name) {
  const n = field("name", { maxlength: 120 }), p = field("price", { inputmode: "decimal" }), q = field("quantity", { inputmode: "decimal" });
  n.input.value = name; q.input.value = "1";
  show(t("byhand"), [n.node, p.node, q.node], [{ label: t("add"), key: "Enter", primary: true, run: () => {
    const price = parseMoney(p.input.value);
    if (!n.input.value.trim()) return n.input.focus();
    if (price == null) { say2(p.input.value ? t("notamount", p.input.value) : t("lessthan0"), "bad"); return p.input.focus(); }
    shut();
    addItem({ sku: "manual", name: n.input.value.trim(), unit_price: price, quantity: q.input.value.trim() || "1" });
  } }], name ? p.input : n.input);
}

// ---- Park, recall, void ----

function parkOrRecall() {
  if (state.sale) {
    askReason(t("park"), ["why_park1"], false, (reason, key) => act("park", async () => { await post(`/v1/sales/${state.sale.id}/park`, reason ? { reason } : {}, key); say("parked"); }));
    return;
  }
  const list = chooser(state.desk.parked.map(p => ({ value: p, label: money(p.total), side: clock(p.opened_at), note: [t("lines", p.items), p.cashier].filter(Boolean).join(" · ") })), t("t_parked"));
  const go = () => { const p = list.value(); if (p) { shut(); act("recall", () => post(`/v1/sales/${p.id}/recall`, {})); } };
  list.pick = go;
  show(t("t_parked"), [list.node], [{ label: t("recall"), key: "Enter", primary: true, run: go }], list.node, { list });
}

function voidSale() {
  const s = state.sale;
  askReason(t("t_void"), ["why_void1", "why_void2"], true, (reason, key) => act("void", async () => {
    const done = await post(`/v1/sales/${s.id}/void`, { reason }, key);
    const cash = (done.refunds ?? []).flatMap(r => r.tenders).filter(x => x.method === "cash").reduce((n, x) => n + x.amount, 0);
    if (cash) say(t("handout", money(cash)), "warn", true); else say("voided");
  }));
}

// ---- Payment ----

// typedAmount is an amount that stands in the entry field: only that much is
// paid. null is none; undefined is something else, which pays nothing.
function typedAmount() {
  const text = $("code").value.trim();
  if (!text) return null;
  const n = parseMoney(text);
  if (n == null || n <= 0) { say(t("notamount", text), "bad", true); return undefined; }
  $("code").value = "";
  return n;
}

function pay(name, body, key) {
  if (payBusy()) return;
  const s = state.sale;
  return act(name, async () => {
    const done = await post(`/v1/sales/${s.id}/pay`, body, key);
    if (done.state === "closed") say(t("number") + " " + done.number, "good", true);
  });
}

// A code that a slow scanner typed as the amount is no amount.
const maxChange = 1000 * 10 ** digits;

function payCash() {
  if (!canPay() || payBusy()) return;
  const typed = typedAmount();
  if (typed === undefined) return;
  const owed = due(state.sale), key = newKey();
  const given = field("given", { inputmode: "decimal", class: "field money" });
  const result = el("p", { class: "big money", "aria-live": "polite" });
  const update = () => {
    const n = parseMoney(given.input.value || plainMoney(owed));
    result.textContent = n == null ? "" : n >= owed ? t("give", money(n - owed)) : t("part", money(n), money(owed - n));
  };
  const set = n => { given.input.value = plainMoney(n); update(); };
  if (typed) set(typed);
  given.input.addEventListener("input", update);
  const notes = [...new Set([...[10, 20, 50, 100].map(n => Math.ceil(owed / (n * 10 ** digits)) * n * 10 ** digits)])].filter(n => n > owed).sort((a, b) => a - b).slice(0, 4);
  show(`${t("t_cash")} · ${money(owed)}`, [el("div", { class: "pair" }, el("div", {}, given.node, result), pad(given.input, update))], [
    { label: t("take"), key: "Enter", primary: true, run: () => {
      const text = given.input.value.trim(), n = text ? parseMoney(text) : owed;
      if (n == null || n <= 0 || n - owed > maxChange) return say2(t("notamount", text), "bad");
      shut();
      pay("cash", { method: "cash", given: n }, key);
    } },
    { label: t("exact"), key: "F2", run: () => set(owed) },
    ...notes.map((n, i) => ({ label: money(n), key: "F" + (i + 3), run: () => set(n) })),
  ], given.input);
  update();
}

function payQR() {
  if (!canPay() || payBusy()) return;
  const typed = typedAmount();
  if (typed === undefined) return;
  pay("qr", typed ? { method: "qr", amount: typed } : { method: "qr" }, newKey());
}

function payCollect() {
  if (!canCollect() || payBusy()) return;
  const typed = typedAmount();
  if (typed === undefined) return;
  const s = state.sale, amount = typed ? { amount: typed } : {};
  const code = field("authcode", { type: "password", inputmode: "numeric", autocomplete: "off", class: "field" });
  const collect = text => { shut(); pay("collect", { method: "collect", code: text, ...amount }, newKey()); };
  let waiting = false; // the till waits for its own scanner; a code typed here does the same
  show(`${t("t_collect")} · ${money(typed ?? due(s))}`, [el("p", {}, t("collecthelp")), code.node], [
    { label: t("collect_go"), key: "Enter", primary: true, run: () => { const v = code.input.value.replace(/\s/g, ""); if (v) collect(v); } },
    { label: t("a_cancel"), key: "F2", run: () => { shut(); cancelPayment(); } },
  ], code.input, { scan: collect, over: () => waiting && state.desk.collecting !== s.id });
  const mine = panel;
  post(`/v1/sales/${s.id}/pay`, { method: "collect", ...amount }).then(refresh).then(() => { waiting = true; }, p => { if (panel === mine) problem(p); });
}

function payExternal() {
  if (!canPay() || payBusy()) return;
  const typed = typedAmount();
  if (typed === undefined) return;
  const owed = due(state.sale), key = newKey();
  const amount = field("amount", { inputmode: "decimal", class: "field money" }), ref = field("reference", { maxlength: 64 });
  amount.input.value = plainMoney(typed ?? owed);
  show(`${t("t_external")} · ${money(owed)}`, [el("p", {}, t("externalhelp")), amount.node, ref.node], [{ label: t("record"), key: "Enter", primary: true, run: () => {
    const n = parseMoney(amount.input.value);
    if (n == null || n <= 0) return say2(t("notamount", amount.input.value), "bad");
    shut();
    const reference = ref.input.value.trim();
    pay("external", reference ? { method: "external", amount: n, reference } : { method: "external", amount: n }, key);
  } }], ref.input);
}

// payCode types what the phone shows beside its proof, where no scanner reads
// that; a scanner of either kind may read it in here.
function payCode() {
  if (!canCode() || payBusy()) return;
  const s = state.sale, f = field("paycode", { inputmode: "numeric", maxlength: 24, class: "field money" });
  const send = async text => {
    const clean = text.normalize("NFKC").replace(/[\s-]/g, "");
    if (!/^(\d{8}|93\d{16}|92\d{244})$/.test(clean)) { say2(t("notpaycode"), "bad"); return f.input.focus(); }
    if (payBusy()) return;
    await act("paycode", async () => {
      try {
        const done = await post(`/v1/sales/${s.id}/pay`, { method: "proof", code: clean });
        if (panel === mine) shut();
        if (done.state === "closed") say(t("number") + " " + done.number, "good", true);
      } catch (p) {
        if (panel !== mine) throw p;
        f.input.value = "";
        say2(p.message, "bad");
        f.input.focus();
      }
    });
  };
  show(`${t("a_paycode")} · ${money(due(s))}`, [el("p", {}, t("paycodehelp")), el("div", { class: "pair" }, f.node, pad(f.input))], [
    { label: t("take"), key: "Enter", primary: true, run: () => send(f.input.value) },
  ], f.input, { scan: text => text.length > 8 ? send(text) : say2(t("notused"), "warn"), over: () => !canCode() });
  const mine = panel;
}

function cancelPayment() {
  const id = paying(state.sale) ? state.sale.id : state.desk.collecting;
  if (id) act("cancel", () => post(`/v1/sales/${id}/cancel-payment`, {}));
}

function confirmPickup() {
  const p = state.desk.pickup;
  if (p) act("pickup", async () => { await post(`/v1/pickups/${encodeURIComponent(p.id)}/confirm`, {}); say("pickedup"); });
}

// ---- Sales that are over ----

function reprint(sale) {
  if (!sale) return;
  askReason(t("t_reprint"), ["why_copy1", "why_copy2"], false, (reason, key) => act("reprint", async () => {
    await post(`/v1/sales/${sale.id}/reprint`, reason ? { reason } : {}, key);
    say("reprinted");
  }));
}

function pastSales(start = "") {
  const text = field("pasttext", { maxlength: 128 });
  const list = chooser([], t("t_past"));
  let timer = 0, asked = 0;
  const look = async () => {
    const n = ++asked, v = text.input.value.trim();
    try {
      const found = (await get("/v1/sales?limit=50" + (v ? "&text=" + encodeURIComponent(receiptId(v) ?? v) : ""))).sales;
      if (n !== asked) return;
      list.set(found.map(s => ({ value: s.id, label: `${s.number ? t("number") + " " + s.number : "–"} · ${t("s_" + s.state)}`, side: money(s.total), note: [clock(s.closed_at ?? s.opened_at), s.tenders.map(x => method(x.method)).join(", "), s.items.map(i => i.name).join(", ").slice(0, 80)].filter(Boolean).join(" · ") })));
      say2(found.length ? "" : t("nosales"), "warn");
    } catch (p) { problem(p); }
  };
  text.input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, 150); });
  text.input.value = start;
  const open = async () => { const id = list.value(); if (id) try { saleDialog(await get(`/v1/sales/${id}`)); } catch (p) { problem(p); } };
  list.pick = open;
  show(t("t_past"), [text.node, list.node], [
    { label: t("show"), key: "Enter", primary: true, run: open },
    { label: t("othertill"), key: "F2", run: () => otherTill(text.input.value.trim()) },
  ], text.input, { list, scan: code => { text.input.value = code; look().then(() => { if (!list.value()) otherTill(code); }); } });
  look();
}

// receiptId finds the sale id in what a receipt carries.
const receiptId = text => /^(?:R[:-])?([0-9A-HJKMNP-TV-Z]{26})$/.exec(text)?.[1];

async function otherTill(code) {
  if (!code) return say2(t("pasttext"), "warn");
  try {
    const found = await get("/v1/refunds/lookup?code=" + encodeURIComponent(code));
    if (found.local) saleDialog(await get("/v1/sales/" + found.id)); else saleDialog(found, true);
  } catch (p) { problem(p); }
}

const openState = new Set(["open", "paying", "parked"]);

function saleDialog(s, other = false) {
  const back = (s.refunds ?? []).filter(r => !r.give_back && r.state !== "failed").reduce((n, r) => n + r.amount, 0);
  const left = other ? s.refundable : s.total - back, pending = (s.refunds ?? []).some(r => r.state === "pending");
  const gone = new Set(other ? s.items.filter(i => !i.refundable).map(i => i.line) : (s.refunds ?? []).filter(r => r.state !== "failed").flatMap(r => r.lines ?? []));
  const can = (other || s.state === "closed") && left > 0 && !pending;
  const refused = !other && !pending && (s.refunds ?? []).some(r => r.tenders.some(x => x.state === "failed"));
  const refundCash = what => refused && buttons.push({ label: t("refundcash"), key: "F8", run: () => {
    const body = what();
    if (body) askReason(t("refundcash"), ["why_refund3"], true, (reason, key) => act("refund", async () => refundSaid(await post(`/v1/sales/${s.id}/refund`, { ...body, method: "cash", reason }, key))));
  } });
  const ticks = s.items.map(i => ({ line: i.line, box: el("input", { type: "checkbox", disabled: !can || gone.has(i.line) }), i }));
  const amount = field("refundamount", { inputmode: "decimal" });
  const nodes = [el("p", {}, [t("s_" + s.state), money(s.total), s.closed_at ? clock(s.closed_at) : "", s.cashier, s.tenders.map(x => `${method(x.method)} ${money(x.amount)}`).join(", ")].filter(Boolean).join(" · "))];
  if (other) nodes.push(el("p", {}, t("fromtill", s.till)));
  if (pending) nodes.push(el("p", { class: "say warn" }, t("refundpending")));
  if (back) nodes.push(el("p", {}, t("refunded", money(back))));
  nodes.push(el("fieldset", { class: "list" }, el("legend", { class: "visually-hidden" }, t("refundlines")),
    ...ticks.map(x => el("label", { class: "tick" }, x.box, el("span", {}, `${x.i.name} × ${x.i.quantity}`), money(x.i.total)))));
  const buttons = [];
  if (can) {
    nodes.push(el("p", {}, t("refundable", money(left))), amount.node);
    // chosen is what was ticked or typed; nothing when it is no amount.
    const chosen = () => {
      const lines = ticks.filter(x => x.box.checked).map(x => x.line), typed = amount.input.value.trim(), n = typed ? parseMoney(typed) : null;
      if (typed && (n == null || n <= 0)) return say2(t("notamount", typed), "bad");
      return lines.length ? { lines } : n ? { amount: n } : {};
    };
    buttons.push({ label: t("refund"), key: "F9", primary: true, run: () => {
      const what = chosen();
      if (!what) return;
      askReason(`${t("refund")} · ${what.lines ? t("lines", what.lines.length) : money(what.amount ?? left)}`, ["why_refund1", "why_refund2"], true, (reason, key) => act("refund", async () => {
        const done = other ? await post("/v1/refunds", { code: s.id, ...what, reason }, key) : await post(`/v1/sales/${s.id}/refund`, { ...what, reason }, key);
        refundSaid(done);
      }));
    } });
    refundCash(chosen);
  } else if (!pending && (s.paid_but_changed || openState.has(s.state) && s.paid > s.total || s.state === "void" && s.paid > 0)) {
    buttons.push({ label: t("refund"), key: "F9", primary: true, run: () => askReason(t("refund"), ["why_refund2"], true, (reason, key) => act("refund", async () => refundSaid(await post(`/v1/sales/${s.id}/refund`, { reason }, key)))) });
    refundCash(() => ({}));
  }
  if (s.number && !other) {
    buttons.push({ label: t("a_reprint"), key: "F4", run: () => reprint(s) });
    buttons.push({ label: t("picture"), key: "F6", run: () => show(t("t_sale", s.number), [el("img", { class: "picture", alt: t("t_sale", s.number), src: `/v1/receipts/${s.id}.png` })], [], null) });
  }
  const slips = (s.refunds ?? []).filter(r => r.number);
  if (slips.length && !other) buttons.push({ label: t("refundpicture"), key: "F7", run: () => show(t("refundpicture"), slips.map(r => el("img", { class: "picture", alt: t("t_refund", r.number), src: `/v1/receipts/${r.id}.png` })), [], null) });
  if (s.state === "parked") buttons.push({ label: t("recall"), key: "F2", primary: true, run: () => { shut(); act("recall", () => post(`/v1/sales/${s.id}/recall`, {})); } });
  show(t("t_sale", s.number || "–"), nodes, buttons, null);
}

function refundSaid(done) {
  const r = (done.refunds ?? []).at(-1);
  if (!r) return;
  if (r.state === "pending") return say("refundpending", "warn");
  if (r.state === "failed") return say("refundfailed", "bad");
  const cash = r.tenders.filter(x => x.method === "cash").reduce((n, x) => n + x.amount, 0);
  say([t("refundok", money(r.amount)), cash ? t("cashback", money(cash)) : ""].filter(Boolean).join(" · "), "good", true);
}

// ---- More ----

function more() {
  const d = state.desk;
  show(t("t_more"), [], [
    { label: t("m_signin"), key: "F2", run: signIn },
    { label: t("m_signout"), key: "F3", run: () => { shut(); act("signout", async () => { await post("/v1/cashier/sign-out", {}); say("signedout"); }); }, off: !d.cashier },
    { label: t("m_open"), key: "F4", run: openShift, off: !!d.shift },
    { label: t("m_close"), key: "F6", run: closeShift, off: !d.shift },
    { label: t("m_drawer"), key: "F7", run: () => askReason(t("t_drawer"), ["why_drawer1", "why_drawer2"], true, (reason, key) => act("drawer", async () => { await post("/v1/drawer/open", { reason }, key); say("opened"); })) },
    { label: t("m_z"), key: "F8", run: () => zReport("") },
    { label: t("m_status"), key: "F9", run: () => { location.href = "/?lang=" + lang; } },
    { label: t("m_help"), key: "F10", run: help },
  ], null);
}

function signIn() {
  const badge = field("badge", { maxlength: 64 });
  const go = text => { if (!text) return; shut(); act("signin", async () => { const a = await post("/v1/cashier/sign-in", { badge: text }); say(t("signedin", a.cashier), "good", true); }); };
  show(t("t_signin"), [badge.node], [{ label: t("signin"), key: "Enter", primary: true, run: () => go(badge.input.value.trim()) }], badge.input, { scan: go });
}

function openShift() {
  askNumber(t("t_open") + ": " + t("float"), "", v => {
    const n = parseMoney(v || "0");
    if (n == null) return t("notamount", v);
    act("open", async () => { await post("/v1/shift/open", { float: n }); say("shiftopened"); });
  });
}

// pieces of cash that are counted, in major units
const pieces = { CNY: [100, 50, 20, 10, 5, 1, 0.5, 0.1] }[currency] ?? [];

function closeShift() {
  const counts = pieces.map(p => ({ p, f: field("", { inputmode: "numeric" }, money(p * 10 ** digits)) }));
  const sum = field("counted", { inputmode: "decimal", class: "field money" }), key = newKey();
  const add = () => { sum.input.value = plainMoney(Math.round(counts.reduce((n, c) => n + c.p * 10 ** digits * (Number(c.f.input.value) || 0), 0))); };
  for (const c of counts) c.f.input.addEventListener("input", add);
  show(t("t_close"), [el("p", {}, t("counthelp")), el("div", { class: "count" }, ...counts.map(c => c.f.node)), sum.node], [{ label: t("closeshift"), key: "Enter", primary: true, run: () => {
    const n = parseMoney(sum.input.value);
    if (n == null) return say2(sum.input.value ? t("notamount", sum.input.value) : t("lessthan0"), "bad");
    shut();
    act("close", async () => {
      const d = await post("/v1/shift/close", { counted: n }, key);
      facts(t("t_closed"), [[t("float"), money(d.float)], [t("expected"), money(d.expected)], [t("counted"), money(d.counted)], [t("difference"), money(d.difference), true]]);
    });
  } }], counts[0]?.f.input ?? sum.input);
}

function facts(title, rows, nodes = [], buttons = []) {
  show(title, [...nodes, el("dl", {}, ...rows.flatMap(([k, v, strong]) => [el("dt", {}, k), el("dd", { class: strong ? "strong" : null }, v)]))], buttons, null);
}

async function zReport(day) {
  const key = newKey();
  try {
    const z = await get("/v1/reports/z" + (day ? "?day=" + encodeURIComponent(day) : ""));
    const at = el("input", { type: "date", id: "zday", value: z.day, onchange: e => { if (e.target.value) zReport(e.target.value); } });
    facts(t("t_z"), [[t("z_sales"), z.sales], [t("z_refunds"), z.refunds], [t("z_voids"), z.voids], [t("z_numbers"), `${z.first_number}–${z.last_number}`], [t("z_gross"), money(z.gross)], [t("z_discounts"), money(z.discounts)],
      [t("z_refunded"), money(z.refunded)], [t("z_net"), money(z.net), true], ...Object.entries(z.tenders).map(([m, n]) => [method(m), money(n)])].map(r => [r[0], String(r[1]), r[2]]), [el("label", { for: "zday" }, t("day")), at], [{ label: t("printz"), key: "F4", run: () => {
      shut();
      act("printz", async () => { await post("/v1/reports/z/print", { day: z.day }, key); say("zprinted"); });
    } }]);
  } catch (p) { problem(p); }
}

function help() {
  facts(t("t_help"), [...actions.map(([name, key]) => [key, t("a_" + name)]), ["↑ ↓", t("h_updown")], [t("k_enter"), t("h_enter")], [t("k_esc"), t("h_esc")], ["F8 F9 F10 F12", t("h_amount")], ["3*", t("entryhelp")]]);
}

// ---- Windows ----

const dialog = $("dialog");
let panel = null; // buttons, list and scan of the window that is open

let fields = 0;
function field(word, props = {}, label = t(word)) {
  const input = el("input", { id: "f" + ++fields, autocomplete: "off", spellcheck: "false", ...props });
  return { input, node: el("div", {}, el("label", { for: input.id }, label), input) };
}

// chooser is a list to pick from with the arrow keys or a finger.
function chooser(rows, label) {
  const node = el("ol", { class: "list", role: "listbox", tabindex: "0", "aria-label": label });
  let at = 0, all = [];
  const mark = () => [...node.children].forEach((li, i) => { li.setAttribute("aria-selected", String(i === at)); if (i === at) li.scrollIntoView({ block: "nearest" }); });
  const self = {
    node, pick: () => {}, value: () => all[at]?.value,
    move: by => { at = Math.max(0, Math.min(all.length - 1, at + by)); mark(); },
    set: list => {
      all = list; at = 0;
      node.hidden = !list.length;
      node.replaceChildren(...list.map((r, i) => el("li", { role: "option", onclick: () => { if (at === i) self.pick(); at = i; mark(); } }, el("span", {}, r.label), el("b", {}, r.side ?? ""), r.note ? el("small", {}, r.note) : null)));
      mark();
    },
  };
  self.set(rows);
  return self;
}

function pad(input, changed) {
  const press = k => { input.value = k === "⌫" ? input.value.slice(0, -1) : input.value + k; changed?.(); input.focus(); };
  return el("div", { class: "pad", role: "group", "aria-label": t("keypad") }, ...["7", "8", "9", "4", "5", "6", "1", "2", "3", "0", ".", "⌫"].map(k => el("button", { type: "button", tabindex: "-1", "aria-label": k === "⌫" ? t("erase") : k, onclick: () => press(k) }, k)));
}

const say2 = (text, cls) => { const n = dialog.querySelector(".say"); n.textContent = text; n.className = "say " + cls; };

// show opens a window. Options: list for the arrow keys; scan takes a code that a
// scanner types, without it none is taken; over says that the window has had its
// day.
function show(title, nodes, buttons, focus, { list, scan, over } = {}) {
  const all = [...buttons.filter(b => !b.off), { label: buttons.length ? t("close") : t("ok"), key: "Escape", run: shut }];
  panel = { all, list, scan, over };
  const shown = { Enter: t("k_enter"), Escape: t("k_esc") };
  dialog.replaceChildren(el("h2", { id: "dialog-title" }, title), el("p", { class: "say", role: "status" }), ...nodes,
    el("div", { class: "row" }, ...all.map(b => el("button", { type: "button", class: b.primary ? "primary" : null, "data-key": b.key, onclick: () => b.run() }, el("kbd", {}, shown[b.key] ?? b.key), el("span", {}, b.label)))));
  if (!dialog.open) dialog.showModal();
  (focus ?? dialog.querySelector(".row button")).focus();
  focus?.select?.();
}

function shut() {
  panel = null;
  if (dialog.open) dialog.close();
  focusHome();
}
dialog.addEventListener("cancel", e => { e.preventDefault(); });

function askNumber(title, value, done, percent) {
  const f = field("amount", { inputmode: percent ? "text" : "decimal", class: "field money" }, title);
  f.input.value = value;
  show(title, [el("div", { class: "pair" }, f.node, pad(f.input))], [{ label: t("ok"), key: "Enter", primary: true, run: () => {
    const wrong = done(f.input.value.trim());
    if (typeof wrong === "string") say2(wrong, "bad"); else if (dialog.open && dialog.contains(f.input)) shut();
  } }], f.input);
}

// askReason asks why; the key belongs to this one window, however often it is pressed.
function askReason(title, words, needed, done) {
  const f = field("reason", { maxlength: 80 }), key = newKey();
  show(title, [f.node], [
    { label: t("ok"), key: "Enter", primary: true, run: () => { const v = f.input.value.trim(); if (!v && needed) return f.input.focus(); shut(); done(v, key); } },
    ...words.map((w, i) => ({ label: t(w), key: "F" + (i + 2), run: () => { f.input.value = t(w); f.input.focus(); } })),
  ], f.input);
}

function askPIN() {
  return new Promise(done => {
    const f = field("pin", { type: "password", class: "field", autocomplete: "off" });
    const go = async () => {
      try { await ask("POST", "/cashier/session", { pin: f.input.value }); shut(); done(); } catch (p) { f.input.value = ""; say2(p.message, "bad"); }
    };
    show(t("t_pin"), [f.node], [{ label: t("ok"), key: "Enter", primary: true, run: go }], f.input);
    panel.all.pop(); // there is nothing to go back to
    dialog.querySelector(".row").lastElementChild.remove();
  });
}

// ---- Keys ----
// A scanner that types sends a code within milliseconds and ends with Enter. Such
// a burst is a scan wherever the focus is: it is taken out of the field that it
// went into, and its Enter presses nothing. No action has a printable key, and a
// key that comes in a burst (a scanner set to send function keys) does nothing.

const gap = 50; // ms between the keys of a scanner, at most; a hand is slower
let burst = "", at = 0, before = null;

function inputOf(node) { return node instanceof HTMLInputElement && !["checkbox", "date"].includes(node.type) ? node : null; }

addEventListener("keydown", e => {
  if (e.isComposing || e.key === "Process" || ["Shift", "Control", "Alt", "Meta", "CapsLock"].includes(e.key)) return;
  const fast = e.timeStamp - at < gap && !e.repeat;
  at = e.timeStamp;
  if (e.key.length === 1 && !e.ctrlKey && !e.metaKey && !e.altKey) {
    if (!dialog.open && !inputOf(document.activeElement)) $("code").focus();
    if (!fast || !burst) { const f = inputOf(document.activeElement); burst = ""; before = f && { f, value: f.value }; }
    burst += e.key;
    if (dialog.open && e.key === " " && document.activeElement instanceof HTMLButtonElement) e.preventDefault();
    return;
  }
  const text = burst;
  burst = "";
  const stop = () => { e.preventDefault(); e.stopImmediatePropagation(); };
  if (fast) {
    if (text.length >= 4 && (e.key === "Enter" || e.key === "Tab")) {
      stop();
      if (before) before.f.value = before.value;
      if (!dialog.open) scanned(text);
      else if (panel?.scan) panel.scan(text);
      else { dialog.querySelector(".say") && say2(t("notused"), "warn"); }
      return;
    }
    if (dialog.open || e.key !== "Enter") return stop();
  }
  const name = (e.shiftKey ? "Shift+" : "") + e.key;
  if (dialog.open) return dialogKey(e, name, stop);
  if (e.key === "ArrowUp" || e.key === "ArrowDown") { stop(); moveLine(e.key === "ArrowUp" ? -1 : 1); return; }
  const a = actions.find(x => x[2].includes(name));
  if (e.key === "Delete" && !e.shiftKey && $("code").value && document.activeElement === $("code")) return; // edits the field
  if (e.key === "Home" && !state.desk.pickup) return;
  if (e.key === "Escape" && !(paying(state.sale) || state.desk.collecting)) { $("code").value = ""; stop(); return; }
  if (!a) return;
  stop();
  if (e.repeat) return;
  const b = document.querySelector(`[data-act="${a[0]}"]`);
  if (!b.disabled) a[4]();
  else if (payments.has(a[0]) && owes() && paying(state.sale) && !payBusy() && !away && a[0] !== state.sale.payment?.method) say("payfirst", "warn");
}, true);

function dialogKey(e, name, stop) {
  if (panel?.list && ["ArrowUp", "ArrowDown", "PageUp", "PageDown"].includes(e.key)) { stop(); panel.list.move({ ArrowUp: -1, ArrowDown: 1, PageUp: -8, PageDown: 8 }[e.key]); return; }
  const b = panel?.all.find(x => x.key === name);
  if (e.key === "Enter" && (document.activeElement instanceof HTMLButtonElement || document.activeElement instanceof HTMLAnchorElement)) return; // the focused button
  if (b) { stop(); if (!e.repeat) b.run(); return; }
  if (/^F\d+$/.test(e.key)) stop();
}

function moveLine(by) {
  const items = state.sale?.items ?? [];
  const i = items.findIndex(x => x.line === chosen) + by;
  if (items[i]) { chosen = items[i].line; render(); }
}

function focusHome() { if (!dialog.open) $("code").focus(); }
$("entry").addEventListener("submit", e => {
  e.preventDefault();
  const text = $("code").value.trim();
  $("code").value = "";
  if (text) scanned(text);
  focusHome();
});
// The focus is never lost: what is clicked away comes back.
addEventListener("focusout", () => setTimeout(() => { if (document.activeElement === document.body) dialog.open ? dialog.querySelector("input, button")?.focus() : focusHome(); }, 0));
addEventListener("focus", focusHome);

openSession().then(() => { listen(); focusHome(); }, problem);
pulse();
render();
