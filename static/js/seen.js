/* Says that a person looks at this page: once it was visible for a while, and again when it changed. */
(() => {
  "use strict";
  const WAIT = 4000; // milliseconds before somebody's eyes; the server wants two seconds at least
  const page = document.querySelector("[data-seen]");
  if (!page) return;
  let due = true;
  let timer = 0;

  const tell = () => {
    if (document.hidden) return;
    due = false;
    const body = new URLSearchParams({ stamp: page.dataset.stamp });
    fetch(page.dataset.seen, { method: "POST", body, keepalive: true }).catch(() => { due = true; });
  };
  const watch = () => {
    clearTimeout(timer);
    if (due && !document.hidden) timer = setTimeout(tell, WAIT);
  };
  const anew = () => { due = true; watch(); };

  document.addEventListener("visibilitychange", anew);
  document.body.addEventListener("htmx:afterSwap", anew);
  watch();
})();
