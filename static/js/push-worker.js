/* The service worker: shows push messages, and says what became of them. */
"use strict";

const STORE = "orderbell-push";
const JOINED = `${self.registration.scope}joined`;

// Nothing is cached, so a new version need not wait for old pages to close.
self.addEventListener("install", () => { self.skipWaiting(); });

const read = (event) => {
  try {
    return event.data?.json() ?? {};
  } catch {
    return {};
  }
};

const report = async ({ receipt_url: address, ref, token }, event) => {
  if (!address || !token) return;
  try {
    await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ref, token, event }),
      credentials: "omit",
      keepalive: true,
    });
  } catch {
    // A report that cannot be made is only missing: the message itself was shown.
  }
};

// Browsers insist that every push shows something, even one that cannot be read.
const show = async (data) => {
  const { title, body, tag } = data;
  await self.registration.showNotification(title || self.location.hostname, {
    body: body || "",
    tag: tag || "",
    renotify: Boolean(tag),
    data,
  });
  await report(data, "shown");
};

const open = async (address) => {
  const url = new URL(address);
  if (!/^https?:$/.test(url.protocol)) return;
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = windows.find((one) => one.url === url.href);
  await (there ? there.focus() : self.clients.openWindow(url.href));
};

self.addEventListener("push", (event) => { event.waitUntil(show(read(event))); });

self.addEventListener("notificationclick", (event) => {
  const data = event.notification.data ?? {};
  event.notification.close();
  const opened = data.url ? open(data.url).catch(() => {}) : null;
  event.waitUntil(Promise.all([opened, report(data, "clicked")]));
});

self.addEventListener("notificationclose", (event) => {
  event.waitUntil(report(event.notification.data ?? {}, "closed"));
});

const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

// The browser changed the subscription by itself: make the new one known in place of the old.
const renew = async (event) => {
  const store = await caches.open(STORE);
  const kept = await store.match(JOINED);
  if (!kept) return;
  const { url, endpoint } = await kept.json();
  const answer = await fetch(url);
  if (!answer.ok) return;
  const { key, csrf } = await answer.json();
  const fresh = event.newSubscription ?? (await self.registration.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: bytes(key),
  }));
  const previous = event.oldSubscription?.endpoint ?? endpoint;
  const taken = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrf },
    body: JSON.stringify({ ...fresh.toJSON(), previous }),
  });
  if (taken.ok) await store.put(JOINED, Response.json({ url, endpoint: fresh.endpoint }));
};

self.addEventListener("pushsubscriptionchange", (event) => { event.waitUntil(renew(event)); });
