// Keeps what the page has loaded, so that it works offline, and has it isolated, which threads of WebAssembly need.

const SITE = "@site@"; // other sites of this origin keep theirs
const CACHE = `${SITE} @version@`;
const ISOLATED = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(
    @files@.map((file) => new Request(file, { cache: "reload" })))));
});

self.addEventListener("activate", (event) => {
  const others = async () => (await caches.keys()).filter((name) => name.startsWith(`${SITE} `) && name !== CACHE);
  event.waitUntil(others().then((names) => Promise.all(names.map((name) => caches.delete(name)))));
  event.waitUntil(self.clients.claim());
});

self.addEventListener("fetch", (event) => {
  if (event.request.method === "GET") event.respondWith(answer(event.request));
});

/** What is kept, else what the network gives, which is kept where it is whole. */
async function answer(request) {
  const cache = await caches.open(CACHE);
  let found = await cache.match(request, { ignoreSearch: true });
  if (!found) {
    found = await fetch(request);
    // A full disk is no reason to withhold what the network gave.
    if (found.ok && found.type !== "opaque") await cache.put(request, found.clone()).catch(() => {});
  }
  if (found.type === "opaque" || !found.ok) return found;
  const headers = new Headers(found.headers);
  for (const [name, value] of Object.entries(ISOLATED)) headers.set(name, value);
  return new Response(found.body, { status: found.status, statusText: found.statusText, headers });
}
