// What is noted on site is kept on the phone first and sent when it can be: each step has an id, so that nothing is there twice.
const BASE = "/desk/me/visits";
const PAGES = "visits"; // the cache of the worker
const AGAIN = 15000; // ms between tries while something waits
const WORDS = { Accept: "application/json" };
const REFUSED = [400, 404, 409, 413, 422]; // sent again, the answer would be the same
const LINE = 3; // px

const root = document.querySelector("[data-engineer]");
const box = document.getElementById("queue");
const drawn = new Set(); // canvases somebody drew on
let sending = false;
let again = 0;

const opened = new Promise((resolve, reject) => {
  const asked = indexedDB.open("centralino-visits", 1);
  asked.onupgradeneeded = () => asked.result.createObjectStore("steps", { keyPath: "id" });
  asked.onsuccess = () => resolve(asked.result);
  asked.onerror = () => reject(asked.error);
});

async function store(mode, act) {
  const db = await opened;
  return new Promise((resolve, reject) => {
    const within = db.transaction("steps", mode);
    const asked = act(within.objectStore("steps"));
    within.oncomplete = () => resolve(asked.result);
    within.onerror = within.onabort = () => reject(within.error);
  });
}

async function waiting() {
  const all = await store("readonly", (steps) => steps.getAll());
  return all.filter((one) => one.who === root.dataset.engineer).sort((a, b) => (a.at < b.at ? -1 : 1));
}

// --- Noting ---

async function keep(event) {
  event.preventDefault();
  const form = event.currentTarget;
  if (form.dataset.busy) return;
  form.dataset.busy = "1";
  const given = new FormData(form, event.submitter);
  const canvas = form.querySelector("canvas");
  if (canvas && drawn.has(canvas)) given.set("picture", await picture(canvas), "signature.png");
  for (const name of ["csrf", "id"]) given.delete(name);
  const fields = [...given].filter(([, value]) => !(value instanceof File && value.size === 0));
  const step = { id: crypto.randomUUID(), who: root.dataset.engineer, url: form.action, at: new Date().toISOString(), label: form.dataset.step, fields };
  try {
    await store("readwrite", (steps) => steps.put(step));
  } catch {
    say(root.dataset.unkept, []);
    delete form.dataset.busy;
    return;
  }
  form.reset();
  if (canvas) clear(canvas);
  if (form.parentElement.tagName === "DETAILS") form.parentElement.open = false;
  delete form.dataset.busy;
  await show();
  send();
}

// --- Sending ---

async function send() {
  if (sending) return;
  sending = true;
  clearTimeout(again);
  let sent = 0;
  let problem = "";
  try {
    for (const step of await waiting()) {
      if (step.refused) continue;
      const answer = await post(step);
      if (answer.ok) {
        await store("readwrite", (steps) => steps.delete(step.id));
        sent += 1;
      } else if (REFUSED.includes(answer.status)) {
        const told = answer.status === 413 ? root.dataset.large : (await answer.json().catch(() => ({}))).detail;
        await store("readwrite", (steps) => steps.put({ ...step, refused: told || String(answer.status) }));
      } else {
        throw new Error(answer.status);
      }
    }
  } catch (error) {
    problem = error.message === "signed out" ? root.dataset.signIn : "";
    again = setTimeout(send, AGAIN);
  }
  sending = false;
  const left = await show(problem);
  if (sent && !left && !typing()) location.reload();
}

async function post(step) {
  const asked = await fetch(`${BASE}/token`, { headers: WORDS, redirect: "manual", cache: "no-store" });
  if (asked.type === "opaqueredirect" || asked.status === 401) throw new Error("signed out");
  if (!asked.ok) throw new Error(asked.status);
  const { csrf, who } = await asked.json();
  if (who !== step.who) throw new Error("signed out");
  const body = new FormData();
  body.set("csrf", csrf);
  body.set("id", step.id);
  body.set("at", step.at);
  for (const [name, value] of step.fields) body.append(name, value);
  body.set("sent_at", new Date().toISOString());
  return fetch(step.url, { method: "POST", body, headers: WORDS, redirect: "manual" });
}

// Somebody is in the middle of something that a new page would take from them.
function typing() {
  const fields = root.querySelectorAll("input:not([type=hidden]), textarea");
  return drawn.size > 0 || [...fields].some((one) => one.value && one.value !== one.defaultValue);
}

// --- What waits ---

async function show(problem = "") {
  const left = await waiting();
  const refused = left.some((one) => one.refused);
  for (const form of document.querySelectorAll("form[data-step]")) form.hidden = left.some((step) => !step.refused && isOnce(form, step));
  say(left.length ? problem || (refused ? root.dataset.refused : `${root.dataset.waits} ${left.length}`) : "", left);
  return left.length;
}

// What is done once is not offered again while it waits: the way, the arrival, the end, a line of the checklist.
function isOnce(form, step) {
  const given = Object.fromEntries(step.fields);
  if (step.url !== form.action || given.kind !== form.elements.kind.value) return false;
  return ["en_route", "check_in", "check_out"].includes(given.kind) || (given.kind === "task" && given.text === form.elements.text.value);
}

function say(words, steps) {
  box.hidden = !words;
  box.dataset.waiting = steps.length;
  document.getElementById("queue-words").textContent = words;
  document.getElementById("queue-list").replaceChildren(...steps.map(line));
}

function line(step) {
  const item = document.createElement("li");
  const when = new Date(step.at).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
  item.textContent = `${when} ${step.label}${step.refused ? `: ${step.refused}` : ""} `;
  if (step.refused) {
    const button = document.createElement("button");
    button.textContent = root.dataset.discard;
    button.addEventListener("click", async () => {
      await store("readwrite", (steps) => steps.delete(step.id));
      show();
    });
    item.append(button);
  }
  return item;
}

// --- Drawing ---

function draw(canvas) {
  const pen = canvas.getContext("2d");
  let last = null;
  const place = (event) => {
    const shown = canvas.getBoundingClientRect();
    return [((event.clientX - shown.left) * canvas.width) / shown.width, ((event.clientY - shown.top) * canvas.height) / shown.height];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const next = place(event);
    pen.lineWidth = LINE;
    pen.lineCap = "round";
    pen.beginPath();
    pen.moveTo(...last);
    pen.lineTo(...next);
    pen.stroke();
    last = next;
    drawn.add(canvas);
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (last = null));
}

function clear(canvas) {
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  drawn.delete(canvas);
}

// White paper under black ink, whatever the page looks like.
function picture(canvas) {
  const paper = document.createElement("canvas");
  paper.width = canvas.width;
  paper.height = canvas.height;
  const pen = paper.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, paper.width, paper.height);
  pen.drawImage(canvas, 0, 0);
  return new Promise((resolve) => paper.toBlob(resolve, "image/png"));
}

// --- Without a network ---

async function keepPages() {
  const registered = await navigator.serviceWorker.register(`${BASE}/worker.js`, { scope: BASE });
  if (!navigator.onLine) return;
  const kept = await caches.open(PAGES);
  const links = [...document.querySelectorAll("a[data-visit], link[rel=stylesheet], link[rel=icon], script[src]")];
  const wanted = [location.pathname, BASE, ...links.map((one) => one.href || one.src)];
  const asked = [...new Set(wanted.map((one) => new URL(one, location).href))];
  await Promise.allSettled(asked.map((one) => kept.add(new Request(one, { redirect: "error" }))));
  // The list names what is ahead: of the rest nothing stays on the phone.
  if (location.pathname === BASE) for (const old of await kept.keys()) if (!asked.includes(old.url)) await kept.delete(old);
  root.dataset.kept = registered.scope;
}

// Whoever takes the phone next reads nothing of the visits. What waits to be sent stays.
async function leave(event) {
  event.preventDefault();
  if ("caches" in window) await caches.delete(PAGES);
  event.target.submit();
}

for (const form of document.querySelectorAll("form[data-step]")) form.addEventListener("submit", keep);
for (const field of document.querySelectorAll("[data-draw]")) {
  const canvas = field.querySelector("canvas");
  field.hidden = false;
  field.parentElement.querySelector("[data-file]").hidden = true;
  field.querySelector("[data-clear]").addEventListener("click", () => clear(canvas));
  draw(canvas);
}
document.querySelector("form[data-leave]").addEventListener("submit", leave);
addEventListener("online", send);
if ("serviceWorker" in navigator) keepPages().catch(() => {});
show().then((left) => left && send());
