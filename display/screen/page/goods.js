// The goods: rows that stay the same element as long as their line is there, so
// that nothing that is on the glass moves when a line arrives.

import { words, amount } from "./words.js";
import { h } from "./pieces.js";

const WINDOW = 40; // rows that are drawn; more never fit on a glass

export class Goods {
  constructor() {
    this.count = h("span", "count");
    this.above = h("span", "above");
    this.brand = h("span", "house");
    this.list = h("ol", "lines");
    this.toast = h("p", "toast");
    this.el = h("section", "goods", h("header", "", this.brand, this.above, this.count), this.list, this.toast);
    this.rows = new Map();
    this.sale = "";
  }

  show(scene, house) {
    if (this.sale !== scene.sale_id) {
      this.sale = scene.sale_id;
      this.rows.clear();
      this.list.replaceChildren();
    }
    const lines = scene.lines, at = lines.findIndex(l => l.highlight);
    const end = at < 0 || at >= lines.length - WINDOW ? lines.length : Math.min(lines.length, at + WINDOW / 2);
    const from = Math.max(0, end - WINDOW), shown = lines.slice(from, end);
    const keep = new Set(shown.map(l => l.line));
    for (const [line, row] of this.rows) {
      if (keep.has(line)) continue;
      row.remove();
      this.rows.delete(line);
    }
    let before = null;
    for (const l of shown) {
      let row = this.rows.get(l.line);
      const fresh = !row;
      if (fresh) this.rows.set(l.line, row = newRow());
      fill(row, l, scene.currency, fresh);
      const next = before ? before.nextSibling : this.list.firstChild;
      if (next !== row) this.list.insertBefore(row, next);
      before = row;
    }
    set(this.brand, house);
    set(this.count, lines.length ? words.pieces(pieces(lines)) : "");
    this.from = from;
    this.note(scene);
    this.follow();
  }

  // note is what the till has to say about the basket: an unknown code.
  note(scene) {
    const text = scene.kind === "basket" ? [scene.title, scene.text].filter(Boolean) : [];
    this.toast.replaceChildren(...text.map(t => h("bdi", "", t)));
    this.toast.classList.toggle("on", text.length > 0);
  }

  // follow scrolls to the row that has just changed.
  follow() {
    const list = this.list, row = list.querySelector(".highlight") || list.lastElementChild;
    if (!row) return void set(this.above, "");
    // Whole rows only: the first one on the glass is never cut.
    const top = row.offsetTop, bottom = top + row.offsetHeight;
    const room = list.clientHeight - (this.toast.classList.contains("on") ? list.offsetTop + list.offsetHeight - this.toast.offsetTop : 0);
    let from = Math.min(list.scrollTop, top);
    if (bottom - from > room || row === list.lastElementChild) from = Math.max(0, bottom - room);
    for (const r of list.children) {
      if (r.offsetTop < from) continue;
      list.scrollTop = Math.min(r.offsetTop, top);
      break;
    }
    let hidden = this.from;
    for (const r of list.children) {
      if (r.offsetTop + r.offsetHeight / 2 > list.scrollTop) break;
      hidden++;
    }
    set(this.above, hidden ? words.above(hidden) : "");
  }
}

function newRow() {
  const row = h("li", "line", h("bdi", "name"), h("span", "sum"), h("span", "detail", h("span", "quantity"), h("s", "was"), h("span", "cut")));
  row.parts = { name: row.children[0], sum: row.children[1], quantity: row.children[2].children[0], was: row.children[2].children[1], cut: row.children[2].children[2] };
  return row;
}

function fill(row, l, currency, fresh) {
  const p = row.parts, unit = l.unit && l.unit !== "each" ? l.unit : "";
  const quantity = unit ? `${l.quantity} ${unit} × ${amount(l.unit_price, currency)}/${unit}` : `${l.quantity} × ${amount(l.unit_price, currency)}`;
  const changed = p.sum.textContent !== "" && p.quantity.textContent !== quantity;
  set(p.name, l.name);
  set(p.sum, amount(l.total, currency));
  set(p.quantity, quantity);
  set(p.was, l.old_price > l.unit_price ? amount(l.old_price, currency) : "");
  set(p.cut, l.discount > 0 ? `−${amount(l.discount, currency)}` : "");
  row.classList.toggle("highlight", Boolean(l.highlight));
  row.classList.toggle("fresh", Boolean(l.highlight) && (fresh || changed));
  if (l.highlight) row.setAttribute("aria-current", "true");
  else row.removeAttribute("aria-current");
}

function set(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

// pieces counts what the shopper takes: a weighed line is one.
export function pieces(lines) {
  let n = 0;
  for (const l of lines) n += /^\d+$/.test(l.quantity) ? Number(l.quantity) : 1;
  return n;
}
