/* The button "Tell me on this phone" of the tracking page; without this script it stays hidden. */
(() => {
  "use strict";
  const STORE = "orderbell-push";
  const box = document.querySelector("[data-push]");
  const able = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
  if (!box || !able || Notification.permission === "denied") return;
  const button = box.querySelector("button");
  const status = box.querySelector("[role=status]");
  const { url, key, worker, scope, csrf, done, denied, failed } = box.dataset;

  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

  // `serviceWorker.ready` is about the page's own scope, which this registration is not.
  const activated = (registration) => new Promise((resolve, reject) => {
    const coming = registration.installing ?? registration.waiting;
    if (registration.active || !coming) { resolve(registration); return; }
    coming.addEventListener("statechange", () => {
      if (coming.state === "activated") resolve(registration);
      if (coming.state === "redundant") reject(new Error("redundant"));
    });
  });

  const same = (left, right) =>
    left && left.byteLength === right.length && new Uint8Array(left).every((b, i) => b === right[i]);

  // A subscription is bound to the key that it was made with; one of an older key is of no use.
  const subscribed = async ({ pushManager }) => {
    const applicationServerKey = bytes(key);
    const known = await pushManager.getSubscription();
    if (known && same(known.options.applicationServerKey, applicationServerKey)) return known;
    await known?.unsubscribe();
    return pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
  };

  // What the worker needs when the browser changes the subscription by itself.
  const remember = async (registration, endpoint) => {
    const store = await caches.open(STORE);
    await store.put(`${registration.scope}joined`, Response.json({ url, endpoint }));
  };

  const join = async () => {
    const registration = await activated(
      await navigator.serviceWorker.register(worker, { scope, updateViaCache: "none" }),
    );
    const subscription = await subscribed(registration);
    // The page sends no referrer; this one request may, or some browsers hide its origin.
    const answer = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrf },
      body: JSON.stringify(subscription),
      referrerPolicy: "same-origin",
    });
    if (answer.ok) return remember(registration, subscription.endpoint).catch(() => {});
    const problem = await answer.json().catch(() => ({}));
    throw Object.assign(new Error("refused"), { sentence: problem.detail });
  };

  const finish = (sentence) => {
    status.textContent = sentence;
    status.focus();
    button.hidden = true;
  };

  let busy = false;
  const press = async () => {
    if (busy) return;
    busy = true;
    button.setAttribute("aria-disabled", "true");
    status.textContent = "";
    try {
      if ((await Notification.requestPermission()) === "granted") {
        await join();
        finish(done);
      } else if (Notification.permission === "denied") {
        finish(denied);
      }
    } catch (error) {
      status.textContent = error.sentence || failed;
    }
    button.removeAttribute("aria-disabled");
    busy = false;
  };

  button.addEventListener("click", press);
  button.hidden = false;
  box.hidden = false;
  box.closest("section").hidden = false;
})();
