// Pieces of scenes. Everything from outside enters as text, never as markup.

import { words, amount, parts, clock } from "./words.js";

// h makes an element with a class and children; what is empty is left out.
export function h(tag, cls, ...children) {
  const el = document.createElement(tag);
  if (cls) el.className = cls;
  el.append(...children.filter(c => c !== null && c !== undefined && c !== ""));
  return el;
}

// said is text from outside: isolated, so that its direction ends with it.
export const said = (tag, cls, text) => text ? h(tag, cls, h("bdi", "", text)) : null;

export const TICK = "M4.5 12.8 9.6 18 19.5 6.5", CROSS = "M6 6l12 12M18 6 6 18", INFO = "M12 10.5v7M12 6.5v.2", BAR = "M6 12h12",
  PERSON = "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5a7.5 7.5 0 0 1 15 0", CLOCK = "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 7.5V12l3 2",
  PHONE = "M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zM10.5 7h3v3h-3zM11 18h2", BAG = "M6 8h12l1 12H5L6 8zM9 8a3 3 0 0 1 6 0",
  CLOUD = "M7 18a4 4 0 0 1-.5-7.9 5.5 5.5 0 0 1 10.6-.9A4.4 4.4 0 0 1 17 18zM4 3.5l16 17";

export function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const p = document.createElementNS("http://www.w3.org/2000/svg", "path");
  p.setAttribute("d", path);
  svg.append(p);
  return svg;
}

// digits writes an amount large; fit makes it smaller until it is whole.
export function digits(minor, currency, cls) {
  const inner = h("span", "fit");
  for (const part of parts(minor, currency)) {
    const small = part.type === "currency" || part.type === "decimal" || part.type === "fraction";
    inner.append(h("span", small ? "minor" : "", part.value));
  }
  return h("div", "digits " + (cls || ""), inner);
}

export function fit(root) {
  for (const box of root.querySelectorAll(".digits")) {
    const inner = box.firstElementChild;
    inner.style.fontSize = "";
    const room = box.clientWidth, need = inner.scrollWidth || inner.getBoundingClientRect().width;
    if (need > room && need > 0) inner.style.fontSize = `${Math.floor(98 * room / need)}%`;
  }
}

export const hasEnd = t => Boolean(t) && !t.startsWith("0001-");

// countdown is the time left until then; tick in screen.js keeps it true.
export function countdown(until, now) {
  const el = h("b", "left", clock(Date.parse(until) - now));
  el.dataset.until = until;
  return el;
}

// load asks the server for a code or picture no larger than side pixels of the
// glass and puts it into box, with whole pixels of the glass per pixel when it is
// a code of ours. The box stays as it is until the picture has been decoded.
export function load(box, path, query, side, { exact = true, broken = "", alt = "", loaded } = {}) {
  const dpr = window.devicePixelRatio || 1;
  const img = new Image();
  img.alt = alt;
  img.src = `/screen/${path}?${new URLSearchParams({ ...query, side: Math.max(1, Math.floor(side * dpr)) })}`;
  img.decode().then(() => {
    if (!box.isConnected && !box.dataset.early) return;
    if (exact) img.style.width = img.style.height = `${img.naturalWidth / dpr}px`;
    img.classList.toggle("exact", exact);
    box.replaceChildren(img);
    loaded?.(img);
    if (exact) align(img, dpr);
  }, () => box.replaceChildren(broken ? h("p", "broken", broken) : ""));
}

// align moves a code to where a pixel of the glass begins: on monitors with
// 1.25 or 1.5 of them per CSS pixel it would otherwise be a pixel too wide.
function align(img, dpr) {
  const r = img.getBoundingClientRect(), off = v => Math.round(v * dpr) / dpr - v;
  img.style.position = "relative";
  img.style.left = `${off(r.x)}px`;
  img.style.top = `${off(r.y)}px`;
}

const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);

// codes are the QR codes beside a scene, with their titles.
export function codes(list, size = 9.5, most = 3) {
  if (!list.length) return null;
  return h("div", "codes", ...list.slice(0, most).map(q => {
    const box = h("div", "code"), side = Math.floor(size * rem());
    box.style.width = box.style.height = `${side}px`;
    box.dataset.early = "1";
    load(box, "qr.png", { u: q.url, most: Math.floor(side * 1.5 * (devicePixelRatio || 1)) }, side, {
      alt: q.title, loaded: img => { box.style.width = box.style.height = `${Math.max(side, parseFloat(img.style.width))}px`; },
    });
    return h("figure", "", box, said("figcaption", "", q.title));
  }));
}

export const tenderName = t => (t.scheme && words.schemes[t.scheme]) || words.methods[t.method] || t.method;

export const fact = (name, value, cls) => h("div", "fact " + (cls || ""), h("dt", "", name), h("dd", "", value));

// notice is a panel that says one thing.
export function notice(cls, path, title, text, ...more) {
  return h("section", "notice " + cls, h("div", "badge", icon(path)), said("h1", "", title), said("p", "text", text), ...more);
}

export const steps = list => h("ol", "steps", ...list.map(t => h("li", "", t)));

// day writes the last day of a coupon.
export function day(text) {
  const at = Date.parse(text);
  return Number.isNaN(at) ? text : new Intl.DateTimeFormat(document.documentElement.lang, { year: "numeric", month: "numeric", day: "numeric", timeZone: /T/.test(text) ? undefined : "UTC" }).format(at);
}

export { amount };
