/* What pages need beyond htmx. Everything works without it, only less smoothly. */
(() => {
  "use strict";
  document.documentElement.classList.add("js");
  const body = document.body;
  const offline = document.querySelector("[data-offline]");
  const announcer = document.getElementById("announcer");
  let pressed = false;
  let announced = "";

  const isPoll = (event) =>
    event.detail.elt.id === "live" && !(event.detail.requestConfig?.triggeringEvent?.type === "refresh");

  // A screen that nobody looks at asks for nothing; a button is never replaced under a finger.
  body.addEventListener("htmx:beforeRequest", (event) => {
    if (isPoll(event) && (document.hidden || pressed)) event.preventDefault();
  });
  body.addEventListener("pointerdown", () => { pressed = true; });
  for (const name of ["pointerup", "pointercancel", "blur"]) {
    window.addEventListener(name, () => { setTimeout(() => { pressed = false; }, 50); });
  }

  // What a person has typed, opened, ticked or scrolled survives a refresh.
  let kept = null;
  const keep = (root) => {
    const found = { fields: new Map(), open: new Map(), scroll: new Map() };
    root.querySelectorAll("input[id], select[id], textarea[id]").forEach((field) => {
      if (field.type === "hidden") return;
      found.fields.set(field.id, field.type === "checkbox" ? field.checked : field.value);
    });
    root.querySelectorAll("details[id]").forEach((box) => found.open.set(box.id, box.open));
    root.querySelectorAll("[data-scroll][id]").forEach((box) => {
      found.scroll.set(box.id, [box.scrollLeft, box.scrollTop]);
    });
    return found;
  };
  const restore = (found) => {
    const get = (id) => document.getElementById(id);
    found.fields.forEach((value, id) => {
      const field = get(id);
      if (!field) return;
      if (field.type === "checkbox") field.checked = value;
      else if (field.tagName !== "SELECT" || [...field.options].some((o) => o.value === value)) field.value = value;
    });
    found.open.forEach((open, id) => { const box = get(id); if (box) box.open = open; });
    found.scroll.forEach(([left, top], id) => {
      const box = get(id);
      if (box) { box.scrollLeft = left; box.scrollTop = top; }
    });
  };
  body.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "live") return;
    if (pressed) { event.detail.shouldSwap = false; return; }
    kept = keep(event.detail.target);
  });
  body.addEventListener("htmx:afterSwap", () => {
    if (kept) { restore(kept); kept = null; }
    announce();
  });

  // One sentence for those who cannot see what moved, only when it moved.
  const announce = () => {
    const now = [...document.querySelectorAll("[data-announce]")].map((e) => e.textContent.trim()).join(". ");
    if (announcer && announced && now !== announced) announcer.textContent = now;
    announced = now;
  };
  announce();

  // Say so when the page is no longer live, instead of pretending.
  const live = (yes) => { if (offline) offline.hidden = yes; };
  body.addEventListener("htmx:sendError", () => live(false));
  body.addEventListener("htmx:timeout", () => live(false));
  body.addEventListener("htmx:responseError", (event) => live(event.detail.xhr.status === 401));
  body.addEventListener("htmx:afterOnLoad", () => live(true));

  // An answer that was sent leaves an empty box; one that was not stays to be sent again.
  body.addEventListener("htmx:afterRequest", (event) => {
    const form = event.detail.elt;
    const taken = event.detail.xhr?.getResponseHeader("HX-Trigger") === "refresh";
    if (taken && form.matches?.("form[data-clear]")) {
      const field = document.getElementById(form.id)?.querySelector("[data-clear-me]");
      if (field) field.value = "";
    }
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.submit();
  });
})();
