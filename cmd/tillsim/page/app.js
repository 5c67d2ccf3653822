// The control page: draws the whole state that the server streams. All text
// from outside goes into text nodes; nothing is ever parsed as HTML.
import { words } from "./words.js";

const $ = (id) => document.getElementById(id);
let lang = localStorage.lang || (navigator.language.startsWith("zh") ? "zh" : "en");
let state = null, tab = "lan";
const drawn = {};

const t = (key) => words[key]?.[lang === "zh" ? 0 : 1] ?? key;
const money = (n) => (n / 100).toFixed(2);

// el("b.big", "text", child…) or el("button.main", {onclick}, "text")
function el(name, ...parts) {
  const [tag, ...classes] = name.split(".");
  const e = document.createElement(tag);
  if (classes.length) e.className = classes.join(" ");
  for (const p of parts.flat()) {
    if (p === null || p === undefined || p === false) continue;
    if (p instanceof Node) e.append(p);
    else if (typeof p === "object") Object.assign(e, p);
    else e.append(String(p));
  }
  return e;
}

// part redraws a piece of the page only when what it shows has changed.
function part(id, value, draw) {
  const key = lang + JSON.stringify(value);
  if (drawn[id] === key) return;
  drawn[id] = key;
  const at = $(id).scrollTop;
  $(id).replaceChildren(...[draw(value)].flat().filter(Boolean));
  $(id).scrollTop = at;
}

async function act(what, more = {}) {
  const res = await fetch("/do", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ what, ...more }) })
    .catch((e) => ({ json: () => ({ ok: false, error: e.message }) }));
  const answer = await res.json();
  if (!answer.ok) toast(answer.error);
}

let fade;
function toast(text) {
  $("toast").textContent = text;
  $("toast").classList.add("show");
  clearTimeout(fade);
  fade = setTimeout(() => $("toast").classList.remove("show"), 5000);
}

const button = (label, what, more, on = false, cls = "") =>
  el("button" + (on ? ".on" : "") + cls, { type: "button", onclick: () => act(what, more), ariaPressed: on ? "true" : "false" }, label);

function draw() {
  const s = state;
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  for (const e of document.querySelectorAll("[data-t]")) e.textContent = t(e.dataset.t);
  $("lang").textContent = lang === "zh" ? "English" : "中文";
  document.querySelector("#typed input").placeholder = t("type");
  if (!s) return;
  $("to-screen").href = s.screen; $("to-screen").textContent = t("open-screen");
  $("to-status").href = s.status_page; $("to-status").textContent = t("open-status");
  drawLights(s);
  drawCounter(s);
  drawFront(s);
  drawPrinter(s);
  drawCloud(s);
}

function drawLights(s) {
  const up = s.till?.link?.state === "up";
  part("light", [s.tilld.running, s.broker, up, s.till?.queue?.depth], () => [
    el("span" + (s.tilld.running ? ".on" : ""), "tilld"),
    el("span" + (s.broker ? ".on" : ""), t("broker")),
    el("span" + (up ? ".on" : ""), t("link")),
    el("b", t("queue") + " " + (s.till?.queue?.depth ?? "–")),
  ]);
}

function drawCounter(s) {
  part("shelf", [s.articles, s.codes], () => [
    ...s.articles.map((a) => el("button", { type: "button", onclick: () => act("scan", { value: a.gtin }) }, el("span", a.name), el("small", money(a.unit_price) + " · " + a.gtin))),
    ...s.codes.map((c) => el("button.odd", { type: "button", onclick: () => act("scan", { value: c.code }) }, el("span", lang === "zh" ? c.zh : c.en), el("small", c.code.slice(0, 24)))),
  ]);
  part("sale", s.sale ?? null, (sale) => {
    if (!sale) return el("p.empty", t("no-sale"));
    return el("table",
      sale.items.map((i) => el("tr", el("td", i.name, i.serial ? el("small", " #" + i.serial) : null), el("td", i.quantity), el("td", money(i.total) + " ",
        el("button", { type: "button", title: t("remove"), onclick: () => act("cashier", { value: "remove", name: sale.id, number: i.line }) }, "×")))),
      sale.coupons?.map((c) => el("tr", el("td", c.title), el("td"), el("td", "−" + money(c.applied ?? 0)))),
      el("tr.sum", el("td", el("span.tag." + sale.state, t(sale.state))), el("td"), el("td", money(sale.total))));
  });
  part("cashier", [s.sale?.state, s.sale?.items?.length, s.tilld.running], () => {
    const can = s.sale && s.sale.items.length > 0;
    const b = (label, value, enabled, cls = "") => Object.assign(button(t(label), "cashier", { value }, false, cls), { disabled: !enabled });
    return [b("pay-qr", "qr", can && s.sale.state === "open", ".main"), b("pay-cash", "cash", can && s.sale.state === "open"),
      b("cancel-pay", "cancel-payment", s.sale?.state === "paying"), b("park", "park", can), b("do-void", "void", s.sale)];
  });
  part("earlier", s.sales, (list) => {
    const rest = list.filter((x) => x.id !== s.sale?.id);
    if (!rest.length) return el("p.empty", t("none"));
    return el("table", rest.map((x) => el("tr", el("td", x.number ? "#" + x.number : x.id.slice(-5)), el("td", el("span.tag." + x.state, t(x.state)), " ",
      x.receipt ? el("span.tag." + x.receipt.outcome, t("p-" + x.receipt.outcome)) : null),
      el("td", money(x.total) + " ",
        x.state === "parked" || x.state === "open" ? button(t("recall"), "cashier", { name: x.id, value: "recall" }) : null,
        x.state === "closed" ? button(t("reprint"), "cashier", { name: x.id, value: "reprint" }) : null,
        x.state === "closed" ? button(t("refund"), "cashier", { name: x.id, value: "refund" }) : null))));
  });
}

function drawFront(s) {
  part("scene", [s.tilld.running, s.scene ?? null], () => {
    const c = s.scene;
    if (!s.tilld.running) return el("p.big", t("dead"));
    if (!c) return el("p", "…");
    return [
      el("p", el("span.tag", c.kind)),
      c.title ? el("p.big", c.title) : null, c.text ? el("p", c.text) : null,
      c.pay ? el("img", { src: "/pay.png?side=420&id=" + encodeURIComponent(c.pay.payment_id), alt: t("pay-code") }) : null,
      c.lines?.length ? el("ul", c.lines.map((l) => el("li", el("span", l.name + (l.quantity === "1" ? "" : " × " + l.quantity)), el("span", money(l.total))))) : null,
      c.total !== undefined && c.total !== null ? el("p.big", "¥ " + money(c.total)) : null,
      c.paid?.change ? el("p", t("change") + " " + money(c.paid.change)) : null,
      c.offers?.map((o) => el("p", o.title)),
    ];
  });
  part("pole", s.pole, (rows) => rows.join("\n"));
  part("shopper", s.payments, (list) => list.length ? list.map((p) => el("div.phone", el("span", p.url ?? p.method), el("b", "¥ " + money(p.amount)),
    p.state === "paid" ? el("p", t("pay-digits"), " ", el("b", p.code.slice(0, 4) + " " + p.code.slice(4)))
      : el("div.row", button(t("pay"), "pay", { value: p.id }, false, ".main"), p.offline ? button(t("pay-only"), "pay-only", { value: p.id }) : null, button(t("decline"), "decline", { value: p.id })))) : el("p.empty", t("no-payment")));
}

function drawPrinter(s) {
  part("tabs", [tab], () => ["lan", "serial"].map((n) => el("button", { type: "button", role: "tab", ariaSelected: String(tab === n), onclick: () => { tab = n; draw(); } }, t("printer-" + n))));
  const p = s.printers[tab];
  if (!p) return;
  part("switches", [tab, p.switches], () => [
    ["paper-out", "paper_out"], ["near-end", "near_end"], ["cover", "cover_open"], ["cutter", "cutter_error"], ["silent", "silent"], ["deaf", "deaf"], ["off", "off"],
  ].map(([name, key]) => button(t("s-" + name), "printer", { name: tab, value: name }, p.switches[key])).concat(
    button(t("s-slow"), "printer", { name: tab, value: "slow", number: p.switches.dots_per_second ? 0 : 600 }, p.switches.dots_per_second > 0)));
  part("paper", [tab, p.tickets.map((k) => k.id), p.stats.last, p.stats.hanging], () => {
    const hanging = p.stats.hanging > 0 ? [{ id: p.stats.last, qr: [], hanging: true }] : [];
    const list = [...hanging, ...p.tickets];
    if (!list.length) return el("p.empty", t("no-paper"));
    return list.map((k) => el("figure", el("img", { src: `/paper/${tab}/${k.id}?h=${k.height ?? p.stats.hanging}`, alt: (k.lines ?? []).join("\n"), loading: "lazy" }),
      el("figcaption", k.hanging ? t("hanging") : "#" + k.id + " · " + ((k.qr ?? []).map((q) => "▣ " + q).join("  ") || t("no-qr")))));
  });
}

function drawCloud(s) {
  part("report", [s.report, s.counts, s.till?.queue], () => {
    const r = s.report, row = (k, v, cls = "") => [el("dt", t(k)), el("dd" + cls, v)];
    return [...row("r-closed", r.closed + " · ¥ " + money(r.total)), ...row("r-voided", r.voided + " / " + r.refunded), ...row("r-events", r.events),
      ...row("r-acks", (s.till?.queue?.acked_seq ?? "–") + " / " + (s.till?.queue?.last_seq ?? "–")),
      ...row("r-chain", r.problems.length ? r.problems.join("; ") : t("whole"), r.problems.length ? ".bad" : ".good")];
  });
  part("cables", [s.tilld, s.broker, s.cables], () => [
    s.tilld.running ? button(t("kill"), "tilld", { value: "kill" }, false, ".bad") : button(t("start"), "tilld", { value: "start" }, true),
    s.tilld.running ? button(t("stop"), "tilld", { value: "stop" }) : null,
    button(t("broker-down"), "broker", { value: s.broker ? "down" : "up" }, !s.broker),
    ...Object.entries(s.cables).map(([n, in_]) => button(t("cable-" + n), in_ ? "unplug" : "plug", { value: n }, !in_)),
  ]);
  part("faults", s.faults, (f) => [["silent", f.silent], ["acks", f.no_acks], ["slow", f.slow > 0], ["deny", f.deny], ["late", f.late_result > 0], ["forged", f.wrong_signature]]
    .map(([n, on]) => button(t("f-" + n), "fault", { value: n }, on)));
  part("orders", lang, () => [
    button(t("o-basket"), "command", { value: "basket.push", data: { items: state.articles.slice(0, 2), adviser: "adviser-7" } }),
    button(t("o-screen"), "command", { value: "screen.show", data: { scene: { kind: "message", title: "欢迎光临 Welcome", lines: [], currency: "CNY", offers: [], qr: [], language: "zh-CN" } } }),
    button(t("o-clear"), "command", { value: "screen.clear", data: {} }),
    button(t("o-print"), "command", { value: "printer.print", data: { job_id: "demo-" + Date.now(), markup: "^^^通知 Notice\n---\nHello from the cloud\n" } }),
    button(t("o-drawer"), "command", { value: "drawer.open", data: { reason: "demo" } }),
    button(t("o-report"), "command", { value: "till.report", data: {} }),
  ]);
  part("traffic", s.messages, () => s.traffic.filter((m) => m.kind !== "ack").map(message));
}

function message(m) {
  const name = m.kind + " " + (m.type ?? "").replace(/^tilld\.|\.v1$/g, "") + (m.kind === "event" ? " " + m.id : "");
  return el("li", el("time", new Date(m.at).toLocaleTimeString("en-GB")), el("span." + m.way, m.way === "in" ? "▲" : "▼"),
    el("details", el("summary", name, el("code", JSON.stringify(m.data)))));
}

$("lang").onclick = () => { lang = lang === "zh" ? "en" : "zh"; localStorage.lang = lang; draw(); };
$("typed").onsubmit = (e) => { e.preventDefault(); const i = e.target.code; if (i.value) act("scan", { value: i.value }); i.value = ""; };

const news = new EventSource("/events");
news.onmessage = (m) => { state = JSON.parse(m.data); $("gone").hidden = true; draw(); };
news.onerror = () => { $("gone").hidden = false; $("gone").textContent = t("gone"); };
draw();
