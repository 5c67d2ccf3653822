// The reel: pictures and videos of the playlist while the till is idle. One
// element is on the glass and the next one waits; nothing else is kept.

const FADE = 600;    // ms
const STALL = 5;     // s that a film may take longer than it is
const LONGEST = 600; // s of a film that does not say how long it is

export class Reel {
  constructor() {
    this.el = document.createElement("div");
    this.el.id = "reel";
    this.version = "";
    this.items = [];
    this.at = -1;
    this.running = false;
    this.turn = 0; // of the show; what was started in an earlier one is void
  }

  set(playlist) {
    const version = JSON.stringify(playlist);
    if (version === this.version) return;
    this.version = version;
    this.items = playlist.items;
    this.at = -1;
    const was = this.running;
    this.stop();
    if (was) this.start();
  }

  start() {
    if (this.running || !this.items.length) return;
    this.running = true;
    this.next(++this.turn, 0);
  }

  stop() {
    this.running = false;
    this.turn++;
    clearTimeout(this.timer);
    for (const el of [...this.el.children]) drop(el);
  }

  next(turn, failed) {
    if (turn !== this.turn) return;
    this.at = (this.at + 1) % this.items.length;
    const item = this.items[this.at], video = item.kind === "video";
    const el = document.createElement(video ? "video" : "img");
    const skip = () => {
      drop(el);
      if (turn !== this.turn) return;
      // A list of which nothing can be shown is tried again slowly.
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.next(turn, failed + 1), failed >= this.items.length ? 30000 : 0);
    };
    const show = () => {
      if (turn !== this.turn) return void drop(el);
      el.className = "on";
      const old = [...this.el.children].filter(x => x !== el);
      setTimeout(() => old.forEach(drop), FADE);
      clearTimeout(this.timer);
      if (this.items.length === 1) return; // a picture stays, a film begins again by itself
      const own = !video ? 8 : Number.isFinite(el.duration) ? el.duration + STALL : LONGEST;
      this.timer = setTimeout(() => this.next(turn, 0), Math.max(1, item.seconds || own) * 1000);
    };
    el.addEventListener("error", skip, { once: true });
    if (video) {
      el.muted = true;
      el.playsInline = true;
      el.loop = this.items.length === 1;
      el.disablePictureInPicture = true;
      el.addEventListener("playing", show, { once: true });
      el.addEventListener("ended", () => { if (turn === this.turn && el.className === "on" && !item.seconds) { clearTimeout(this.timer); this.next(turn, 0); } }, { once: true });
    } else {
      el.alt = "";
    }
    this.el.append(el);
    el.src = item.src;
    if (video) el.play().catch(skip);
    else el.decode().then(show, skip);
  }
}

// drop lets go of an element and of the memory of its film.
function drop(el) {
  if (el.tagName === "VIDEO" && el.src) {
    el.pause();
    el.removeAttribute("src");
    el.load();
  }
  el.remove();
}
