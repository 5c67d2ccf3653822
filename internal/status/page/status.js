// The status page: replaces sections whose HTML has changed, keeps times
// relative, and runs the harmless device tests. The HTML comes from our own
// templates, which escape everything.

const body = document.body;
const language = body.dataset.lang;
const live = document.getElementById("live");
const results = new Map();
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
let heard = performance.now();

function ago(ms) {
  const s = Math.round(ms / 1000);
  if (s < 60) return relative.format(-Math.max(0, s), "second");
  if (s < 3600) return relative.format(-Math.floor(s / 60), "minute");
  if (s < 86400) return relative.format(-Math.floor(s / 3600), "hour");
  return relative.format(-Math.floor(s / 86400), "day");
}

function times() {
  for (const el of document.querySelectorAll("time")) {
    el.title ||= new Date(el.dateTime).toLocaleString(language);
    const text = ago(Date.now() - Date.parse(el.dateTime));
    if (el.textContent !== text) el.textContent = text;
  }
  const stale = performance.now() - heard > 4000;
  live.textContent = stale ? body.dataset.stale : body.dataset.live;
  live.classList.toggle("stale", stale);
  body.classList.toggle("away", stale); // "ready to sell" may be long over
}

function show() {
  for (const out of document.querySelectorAll("[data-result]")) {
    const r = results.get(out.dataset.result);
    out.textContent = r ? r.text : "";
    out.className = r ? r.cls : "";
  }
}

function replace(name, html) {
  const section = document.getElementById(name);
  if (!section) return;
  const focused = section.contains(document.activeElement) ? document.activeElement.id : "";
  section.innerHTML = html;
  if (focused) document.getElementById(focused)?.focus();
}

function connect() {
  const source = new EventSource(`/page/events?lang=${encodeURIComponent(language)}`);
  source.addEventListener("page", e => {
    heard = performance.now();
    const news = JSON.parse(e.data);
    for (const name of Object.keys(news)) replace(name, news[name]);
    if (Object.keys(news).length) show();
    times();
  });
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) return;
    // The agent was restarted and does not know our cookie: get a new one.
    setTimeout(() => fetch("/", { credentials: "same-origin" }).then(connect, connect), 2000);
  });
}

async function call(method, path, data) {
  const response = await fetch(path, {
    method, credentials: "same-origin",
    headers: { "Content-Type": "application/json", "Accept-Language": language },
    body: JSON.stringify(data || {}),
  });
  if (response.ok) return;
  let text = `${response.status}`;
  try { text = (await response.json()).detail || text; } catch { /* not JSON: the number has to do */ }
  throw new Error(text);
}

// detect lists what is plugged in as lines for the configuration.
async function detect(out) {
  out.textContent = "…";
  let response, answer;
  try {
    response = await fetch("/v1/detect", { credentials: "same-origin", headers: { "Accept-Language": language } });
    answer = await response.json();
  } catch (err) {
    out.className = "bad";
    out.textContent = err.message;
    return;
  }
  const found = answer.found || [];
  out.className = response.ok ? "lines" : "bad";
  out.textContent = !response.ok ? answer.detail : found.length === 0 ? body.dataset.nothing :
    found.map(f => f.config).join("\n");
}

document.addEventListener("click", async e => {
  const button = e.target.closest("[data-test]");
  if (button) {
    const name = button.dataset.test;
    results.set(name, { text: body.dataset.testing, cls: "" });
    show();
    try {
      await call("POST", `/v1/devices/${encodeURIComponent(name)}/test`);
      results.set(name, { text: body.dataset.tested, cls: "good" });
    } catch (err) {
      results.set(name, { text: err.message, cls: "bad" });
    }
    show();
  }
  const { trace, save, paper } = e.target.dataset;
  if (trace || save) {
    const name = trace ?? save, path = `/v1/devices/${encodeURIComponent(name)}/trace`;
    try {
      await call("POST", path + (trace ? "/start" : "/stop"));
      results.set(name, { text: trace ? body.dataset.tracing : "", cls: "" });
      if (save) location.href = path; // comes as a file
    } catch (err) {
      results.set(name, { text: err.message, cls: "bad" });
    }
    show();
  }
  if (paper) {
    const image = document.getElementById("paper-img");
    image.src = `/v1/receipts/${paper}.png`;
    image.alt = e.target.getAttribute("aria-label");
    document.getElementById("paper").showModal();
  }
  if (e.target.id === "detect") await detect(document.getElementById("found"));
  if (e.target.id === "signout") {
    await call("DELETE", "/page/session");
    location.reload();
  }
});

document.getElementById("signin")?.addEventListener("submit", async e => {
  e.preventDefault();
  const form = e.target;
  try {
    await call("POST", "/page/session", { token: form.elements.token.value });
    location.reload();
  } catch (err) {
    form.querySelector("output").textContent = err.message;
  }
});

setInterval(times, 1000);
times();
connect();
