// The engineer's pages where there is no network: the last that was seen of each. Nothing else of the hub passes here.
const BASE = "/desk/me/visits";
const PAGES = "visits";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (url.pathname.startsWith("/static/")) event.respondWith(still(event.request));
  else if (event.request.mode === "navigate" && url.pathname.startsWith(BASE)) event.respondWith(page(event.request));
});

// Named by its content: what is here is what it would be.
async function still(request) {
  const kept = await caches.open(PAGES);
  const found = await kept.match(request);
  if (found) return found;
  const answer = await fetch(request);
  if (answer.ok) await kept.put(request, answer.clone());
  return answer;
}

async function page(request) {
  let answer;
  try {
    answer = await fetch(request);
  } catch (error) {
    const found = await (await caches.open(PAGES)).match(request, { ignoreSearch: true });
    if (found) return found;
    throw error;
  }
  // Whoever is signed out leaves nothing behind for the next who takes the phone.
  if (answer.type === "opaqueredirect") await caches.delete(PAGES);
  else if (answer.ok) await (await caches.open(PAGES)).put(request, answer.clone());
  return answer;
}
