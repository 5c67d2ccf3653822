// The page of an address below /screen that does not exist: it says which does,
// and looks every few seconds whether it does by now.
for (const el of document.querySelectorAll(".origin")) el.textContent = location.origin;
setInterval(() => {
  fetch(location.href, { cache: "no-store" }).then(r => { if (r.ok) location.reload(); }, () => {});
}, 5000);
