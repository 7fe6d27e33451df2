/* Copy buttons. Without this script the fields are there to be selected by hand. */
(() => {
  "use strict";
  const select = (field) => { field.focus(); field.select(); };
  const copy = async (field) => {
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      select(field);
      return document.execCommand("copy"); // pages without https have no clipboard of their own
    }
    return true;
  };
  document.querySelectorAll("[data-copy]").forEach((button) => {
    const field = document.getElementById(button.dataset.copy);
    const word = button.querySelector("[data-copy-word]");
    const before = word.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      if (!(await copy(field))) { select(field); return; }
      word.textContent = word.dataset.copied;
      const announcer = document.getElementById("announcer");
      if (announcer) announcer.textContent = word.dataset.copied;
      setTimeout(() => { word.textContent = before; }, 2000);
    });
  });
})();
