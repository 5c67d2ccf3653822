// The customer screen: draws the scene that the agent sends, whole, each time,
// and takes the pay code away when the agent is not heard any more.

import { words, speak, amount, clock } from "./words.js";
import { h, fit, hasEnd } from "./pieces.js";
import { Goods } from "./goods.js";
import { Reel } from "./reel.js";
import { SCENES, blank } from "./scenes.js";

const SILENCE = 2900;  // ms without a heartbeat until the pay code goes: with the drawing it is off the glass within 3 s
const GONE = 15000;    // ms until nothing is shown that could be wrong by now
const REPORT = 2000;   // ms between two signs of life to the agent
const NOTE = 6000;     // ms after which a note over the pay code's steps is no passing one

const stage = document.getElementById("stage"), away = document.getElementById("away"), say = document.getElementById("say");
const goods = new Goods(), reel = new Reel();
// Who keeps the browser running names the page, to ask the agent whether it draws.
const me = /^#k[a-z0-9]{1,15}$/.test(location.hash) ? location.hash.slice(1) : crypto.getRandomValues(new Uint32Array(1))[0].toString(36);
let house = { name: "", theme: "auto", text: "normal", playlist: { items: [] } };
let scene = null, shown = "", build = "", heard = -Infinity, offset = 0, source = null, seen = "", silent = false, gone = false, kept = "", panel = null, alarm = 0, fresh = false;

const now = () => Date.now() + offset;

// ---- drawing

function draw() {
  speak(scene.language);
  const kind = SCENES[scene.kind] ? scene.kind : "idle";
  // A pay code that is on the glass stays while it is the same one.
  const key = kind === "paying" && scene.pay ? JSON.stringify([scene.pay, scene.sale_id, scene.lines.length > 0, document.documentElement.lang, innerWidth, innerHeight, devicePixelRatio]) : "";
  let ready;
  const parts = key && key === kept && panel && !panel.classList.contains("stale") ? { goods: scene.lines.length > 0, whole: [panel] } : SCENES[kind](scene, now(), house);
  if (key && key === kept && parts.whole[0] === panel) panel.note?.(scene);
  else { panel = key ? parts.whole[0] : null; ready = panel?.ready; stage.classList.remove("big"); }
  kept = key;
  const list = [parts.goods ? goods.el : null, parts.reel ? reel.el : null, ...parts.whole].filter(Boolean);
  const big = stage.classList.contains("big") ? " big" : "";
  stage.className = (parts.goods ? "split" : parts.reel ? "reeling" : parts.cls || "whole") + big;
  document.body.dataset.kind = kind;
  document.body.dataset.sale = scene.sale_id || "";
  document.body.classList.remove("waiting");
  place(list);
  if (parts.goods) goods.show(scene, house.name || "");
  else goods.show({ lines: [], sale_id: "", currency: scene.currency }, "");
  if (parts.reel) { reel.set(house.playlist); reel.start(); } else reel.stop();
  fit(stage);
  ready?.(stage);
  tell(kind);
  tick();
}

// redraw draws the scene again, unless it is a pay code that this agent, heard
// again or started anew, has not sent yet: the one before may be worth nothing.
function redraw() {
  if (scene && (scene.kind !== "paying" || fresh && !silent)) draw();
}

// place puts the elements onto the stage and leaves those alone that are there.
function place(list) {
  for (const el of [...stage.children]) if (!list.includes(el)) el.remove();
  list.forEach((el, i) => { if (stage.children[i] !== el) stage.insertBefore(el, stage.children[i] || null); });
}

// tell says for readers of the screen what the picture says by its place.
function tell(kind) {
  const line = kind === "basket" ? scene.lines.find(l => l.highlight) : null;
  const note = kind === "paying" && scene.pay && scene.text;
  const text = note ? note : line ? `${line.name} ${amount(line.total, scene.currency)}, ${words.total} ${amount(scene.total ?? 0, scene.currency)}` : kind === "paid" ? words.paid : "";
  if (say.textContent !== text) say.textContent = text;
}

function dress(d) {
  house = { ...house, ...d, playlist: d.playlist || { items: [] } };
  const root = document.documentElement;
  root.dataset.theme = house.theme || "auto";
  root.dataset.text = house.text || "normal";
  document.title = house.name || "tilld";
  for (const [name, value] of [["--brand", house.color], ["--on-brand", house.ink]]) {
    if (value) root.style.setProperty(name, value);
    else root.style.removeProperty(name);
  }
  reel.set(house.playlist);
  kept = "";
  redraw();
}

// ---- time and life

function tick() {
  for (const el of document.querySelectorAll(".left")) {
    const left = Date.parse(el.dataset.until) - now(), text = clock(left);
    if (el.textContent !== text) el.textContent = text;
    el.classList.toggle("soon", left < 30000);
    const offer = el.closest(".offer:not(.over)");
    if (offer && left <= 0 && scene) { draw(); return; }
  }
  const card = stage.querySelector(".paycard");
  if (card && hasEnd(card.dataset.until) && Date.parse(card.dataset.until) <= now()) blank(card, words.expired, words.expiredHint);
  const quiet = performance.now() - heard;
  if (quiet > SILENCE) blank(card, words.away, "");
  else if (panel?.since && fresh && !silent && !panel.classList.contains("stale") && performance.now() - panel.since > NOTE) { kept = ""; redraw(); return; }
  const was = silent;
  silent = quiet > SILENCE;
  if (silent === was && gone === (quiet > GONE)) return;
  gone = quiet > GONE;
  document.body.classList.toggle("away", silent);
  document.body.classList.toggle("gone", gone);
  away.replaceChildren(...(gone ? [h("p", "", words.gone), h("p", "", words.goneHint)] : silent ? [h("p", "", words.away)] : []));
  if (gone) reel.stop();
  if (was && !silent) redraw();
}

function hear() {
  heard = performance.now();
  clearTimeout(alarm);
  alarm = setTimeout(tick, SILENCE + 5);
}

function alive(at) {
  hear();
  offset = Date.parse(at) - Date.now();
}

// renew loads the page of an agent that was updated, once it is there: a page
// that cannot be loaded would leave the browser's own error on the glass.
function renew() {
  fetch("/screen", { cache: "no-store" }).then(r => { if (r.ok) location.reload(); }, () => {});
}

function connect() {
  source?.close();
  source = new EventSource(`/screen/events?page=${me}`);
  source.addEventListener("hello", e => {
    const d = JSON.parse(e.data);
    if (build && build !== d.build) renew();
    else build = d.build;
    alive(d.now);
    seen = "";
    fresh = false;
  });
  source.addEventListener("house", e => dress(JSON.parse(e.data)));
  source.addEventListener("scene", e => {
    hear();
    fresh = true;
    if (e.data !== seen) {
      scene = JSON.parse(e.data);
      draw();
      seen = e.data;
    }
    shown = e.lastEventId; // not reached when drawing failed: the agent hears that
  });
  source.addEventListener("beat", e => { alive(JSON.parse(e.data).now); tick(); });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 500);
  });
}

// report tells the agent that this page draws: it is sent from within a frame,
// so a page that is frozen or never drawn is silent.
function report() {
  requestAnimationFrame(() => {
    fetch("/screen/beat", { method: "POST", cache: "no-store", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ page: me, shown: Number(shown) }) })
      .then(r => r.body?.cancel(), () => {});
  });
}

addEventListener("resize", () => { kept = ""; redraw(); });
addEventListener("contextmenu", e => e.preventDefault());
addEventListener("dragstart", e => e.preventDefault());
setInterval(tick, 250);
setInterval(report, REPORT);
report();
connect();
