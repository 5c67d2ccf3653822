// What each kind of scene looks like: {left, right} beside each other, or
// {whole}. Goods and the reel are elements that stay; all else is made anew.

import { words, amount } from "./words.js";
import { h, fit, said, icon, digits, hasEnd, countdown, load, codes, tenderName, fact, notice, steps, day, TICK, CROSS, INFO, BAR, PERSON, PHONE, BAG, CLOCK, CLOUD } from "./pieces.js";

const EDGE = 6; // CSS pixels of white around a pay code, on which the corners are round
let asked = 0;  // pay codes; their addresses differ, so that the browser never takes one that it has
const SMALL = 400; // CSS pixels; a glass that is narrower or lower has room for the pay code alone

const sum = s => s.total ?? (s.paid?.tenders || []).reduce((n, t) => n + t.amount, 0);

function reference(s) {
  if (s.number) return `${words.sale} ${s.number}`;
  return s.sale_id ? `${words.sale} ${s.sale_id.slice(-6)}` : "";
}

function totalPanel(s) {
  const money = v => amount(v, s.currency);
  const off = s.discount_total || 0;
  return h("section", "panel sums",
    h("dl", "bill" + (off > 0 ? "" : " none"), fact(words.subtotal, money((s.total ?? 0) + off)), fact(words.saved, `−${money(off)}`, "saved")),
    h("div", "grand", h("h1", "label", words.total), digits(s.total ?? 0, s.currency, "huge")));
}

// payPanel shows the pay code as large as the panel allows, and over the whole
// glass when its modules would otherwise be too small.
function payPanel(s, now) {
  const p = s.pay, offline = Boolean(p.offline);
  const panel = h("section", "panel pay" + (offline ? " offline" : ""));
  const card = h("div", "paycard");
  card.dataset.until = p.expires_at;
  card.dataset.payment = p.payment_id;
  const apps = (p.apps || []).map(a => words.schemes[a]).filter(Boolean);
  const foot = h("p", "foot");
  if (hasEnd(p.expires_at)) foot.append(h("span", "", words.expires), " ", countdown(p.expires_at, now));
  if (reference(s)) foot.append(h("span", "reference", reference(s)));
  const first = s.text || "", lasting = said("p", "note", first), passing = h("div", "passing");
  // A note that comes or goes while the code is on the glass must not move it:
  // one lies over the steps, the place of the other stays.
  panel.note = s => {
    const text = s.text || "";
    lasting?.classList.toggle("void", text !== first);
    passing.replaceChildren(...(text && text !== first ? [said("b", "", s.title), said("span", "", text)] : []).filter(Boolean));
    panel.since = text === first ? 0 : panel.since || performance.now();
  };
  panel.append(
    h("div", "due-row", h("h1", "label", words.due), digits(p.amount, s.currency, "due")), card,
    h("div", "how", offline ? h("p", "scan", words.offlineTitle) : h("p", "scan", words.scan),
      offline ? steps(words.offlineSteps) : null, lasting,
      apps.length && !offline ? h("ul", "apps", ...apps.map(a => h("li", "", a))) : null, foot, passing));
  panel.ready = stage => {
    const wide = innerWidth > innerHeight, small = Math.min(innerWidth, innerHeight) < SMALL;
    const most = Math.floor(wide ? Math.min(innerHeight * 0.96, innerWidth * (small ? 0.68 : 0.66)) : Math.min(innerWidth * 0.96, innerHeight * (small ? 0.7 : 0.6)));
    const side = small ? most - 2 * EDGE : Math.floor(Math.min(card.clientWidth, card.clientHeight)) - 2 * EDGE;
    const box = h("div", "code");
    const square = n => { box.style.width = box.style.height = `${n}px`; };
    const whole = () => { stage.classList.add("big"); fit(stage); };
    square(side + 2 * EDGE);
    card.replaceChildren(box);
    if (small) whole();
    load(box, "pay.png", { id: p.payment_id, n: ++asked, most: Math.floor(most * (devicePixelRatio || 1)) }, side, {
      exact: !p.picture_png_base64, broken: words.broken, alt: words.scan,
      loaded: img => {
        if (!p.picture_png_base64 && (small || parseFloat(img.style.width) > side)) {
          square(Math.ceil(parseFloat(img.style.width)) + (small ? 0 : 2 * EDGE));
          whole();
        }
      },
    });
  };
  return panel;
}

// blank takes the pay code off the glass.
export function blank(card, title, hint) {
  if (!card || card.classList.contains("blank")) return;
  card.classList.add("blank");
  card.replaceChildren(h("div", "gone", h("b", "", title), hint ? h("span", "", hint) : null));
  card.parentElement.classList.add("stale");
}

function showPanel(s) {
  return h("section", "panel wait", h("div", "due-row", h("h1", "label", words.due), digits(s.total ?? 0, s.currency, "due")),
    h("div", "badge", icon(PHONE)), said("p", "scan", s.title || words.show), said("p", "hint", s.text || words.showHint));
}

function processingPanel(s) {
  return h("section", "panel wait", h("div", "due-row", h("h1", "label", words.due), digits(s.pay?.amount ?? s.total ?? 0, s.currency, "due")),
    h("div", "spinner", icon(CLOCK)), said("p", "scan", s.title || words.processing), said("p", "hint", s.text || words.processingHint));
}

function membership(m, plain) {
  if (!m) return null;
  return h("p", "membership" + (plain ? " plain" : ""), plain ? null : h("span", "mark", icon(PERSON)), h("b", "", m.joined ? words.joined : words.member),
    said("span", "who", [m.name_masked || m.id_masked, m.level].filter(Boolean).join(" · ")));
}

// facts lists what the shopper is told after paying, without the tenders.
function facts(p, currency) {
  const money = v => amount(v, currency), rows = [];
  const v = p.stored_value;
  if (v) {
    if (v.bought) rows.push(fact(words.bought, money(v.bought)));
    rows.push(fact(h("span", "", words.cardBalance, " ", h("bdi", "", v.card_masked)), money(v.balance)));
  }
  if (p.points?.earned) rows.push(fact(words.points, `+${p.points.earned}`));
  if (p.points && p.points.balance !== undefined) rows.push(fact(words.balance, String(p.points.balance)));
  return rows.length ? h("dl", "facts", ...rows) : null;
}

function couponsOf(p, currency) {
  const list = p.coupons || [];
  if (!list.length) return null;
  return h("section", "coupons", h("h2", "", words.coupons, list.length > 2 ? h("span", "more", words.more(list.length - 2)) : null),
    ...list.slice(0, 2).map(c => h("p", "coupon",
      c.amount ? h("b", "worth", amount(c.amount, currency)) : c.percent ? h("b", "worth", `−${c.percent}%`) : null,
      h("span", "what", h("bdi", "", c.title), c.expires ? h("small", "", words.until(day(c.expires))) : null))));
}

function paid(s) {
  const p = s.paid || {}, right = [membership(p.member), facts(p, s.currency), couponsOf(p, s.currency), codes(s.qr, s.qr.length > 1 ? 7.6 : 9.5, 2)].filter(Boolean);
  const tenders = (p.tenders || []).map(t => fact(tenderName(t), amount(t.amount, s.currency)));
  const main = h("section", "success", h("div", "badge", icon(TICK)), said("h1", "", s.title || words.paid), digits(sum(s), s.currency, "due"),
    h("dl", "facts", ...tenders, p.change ? fact(words.change, amount(p.change, s.currency), "change") : null),
    said("p", "text", s.text || words.thanks), reference(s) ? h("p", "reference", reference(s)) : null);
  return right.length ? { whole: [main, h("aside", "extras", ...right)], cls: "thanks" } : { whole: [main], cls: "thanks alone" };
}

function failure(s) {
  const [title, list] = words.reasons[s.reason] || [words.failed, words.failedSteps];
  return notice("failure", s.reason === "no_link" ? CLOUD : CROSS, s.title || title, "", s.text ? said("p", "text", s.text) : steps(list),
    s.total !== undefined ? h("div", "due-row", h("p", "label", words.due), digits(s.total, s.currency, "due")) : null);
}

function offerCard(o, now) {
  const over = hasEnd(o.expires) && Date.parse(o.expires) <= now;
  const card = h("article", "offer" + (over ? " over" : "") + (o.picture_png_base64 ? "" : " bare"));
  if (o.picture_png_base64) {
    const art = h("div", "art");
    art.dataset.early = "1";
    load(art, "offer.png", { id: o.id }, 480, { exact: false });
    card.append(art);
  }
  const body = h("div", "words", said("p", "brand", o.brand), said("h2", "title", o.title), said("p", "text", o.text));
  if (hasEnd(o.expires)) body.append(h("p", "ends", over ? words.ended : h("span", "", words.left, " "), over ? null : countdown(o.expires, now)));
  card.append(body);
  if (o.url && !over) card.append(codes([{ url: o.url, title: "" }], 9, 1));
  return card;
}

const beside = (s, panel) => ({ goods: s.lines.length > 0, whole: [panel] });

// SCENES has one function for each kind; its answer is {goods, whole, reel, cls}.
export const SCENES = {
  idle: (s, now, house) => {
    const reel = house.playlist.items.length > 0;
    return { reel, whole: [h("section", "idle" + (reel ? " strip" : ""),
      h("div", "greeting", house.logo ? logo() : null, house.name ? h("p", "house", house.name) : null,
        said("h1", "", s.title || words.welcome), said("p", "text", s.text)), codes(s.qr, reel ? 7 : 10.5, reel ? 2 : 3))] };
  },
  basket: s => ({ goods: true, whole: [totalPanel(s)] }),
  paying: (s, now) => s.pay ? { goods: s.lines.length > 0, whole: [payPanel(s, now)] } : beside(s, showPanel(s)),
  processing: s => beside(s, processingPanel(s)),
  paid,
  failed: s => beside(s, failure(s)),
  offers: (s, now) => ({ cls: "whole", whole: [h("section", "offers", said("h1", "", s.title || words.offers), said("p", "text", s.text),
    h("div", "cards", ...s.offers.slice(0, 3).map(o => offerCard(o, now))), codes(s.qr, 7, 2))] }),
  member: s => beside(s, notice("member", PERSON, s.title || words.hello(s.paid?.member?.name_masked), s.text, membership(s.paid?.member, true), s.paid ? facts(s.paid, s.currency) : null,
    s.total !== undefined ? h("div", "due-row", h("p", "label", words.total), digits(s.total, s.currency, "due")) : null)),
  pickup: s => beside(s, notice("pickup", BAG, s.title || words.pickup, s.text, h("p", "hint", words.pickupHint))),
  message: s => beside(s, notice("message", INFO, s.title, s.text, s.lines.length && s.total !== undefined ? digits(s.total, s.currency, "due") : null, codes(s.qr))),
  closed_till: s => ({ whole: [notice("closed", BAR, s.title || words.closed, s.text || words.closedHint, codes(s.qr))] }),
};

function logo() {
  const img = new Image();
  img.alt = "";
  img.className = "logo";
  img.src = "/screen/logo.png";
  return img;
}
