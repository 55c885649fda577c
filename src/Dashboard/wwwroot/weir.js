// What no attribute can say: no question to the server while nobody looks, and a word when the server does not answer.
(() => {
  const stale = (is) => { const note = document.getElementById("stale"); if (note) note.hidden = !is; };
  document.addEventListener("htmx:beforeRequest", (event) => { if (document.hidden) event.preventDefault(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) document.body.dispatchEvent(new Event("weir:shown")); });
  document.addEventListener("htmx:afterRequest", (event) => stale(!event.detail.successful));
})();
