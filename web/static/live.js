// What changed while somebody looks: the server says which, the page fetches what it may see.
import { differs, follow, remember, swap } from "./served.js";

const GATHER = 150; // ms: the first change is fetched at once, further ones within this time together
const COUNTED_ANEW = 1100; // ms: the server counts the views of one person once a second
const MINUTE = 60000; // ms: times that are left are told anew
const REFUSED = 30000; // ms until the hub is asked again for a stream that it refused
const SAY_AT_MOST = 5000; // ms between two sentences of a screen reader
const HERE_EVERY = 20000; // ms; the server forgets after 30 s
const TYPING_LASTS = 6000; // ms: it is said again every three seconds
const ROOM = 36; // px between the last line and the reply box
const PARTS = ["p-head", "p-acts", "p-about"];
const BOARD = 5000; // ms between two looks at a board: it is all there is on its page, and costs more than a list

const ticket = document.querySelector("section.ticket");
const list = document.querySelector("ul[data-list]");
const button = document.querySelector("[data-refresh]");
let wanted = { list: false, ticket: false };
let timer = 0;
let lookedAt = -GATHER;
let saidAt = -SAY_AT_MOST;
let boardTimer = 0;
let boardAt = -BOARD;
let rang = () => {}; // somebody calls

export function listenForChanges(calls) {
  remember(document.querySelectorAll("ul[data-list] > li, #p-timeline > li, .side a"));
  remember(document.querySelectorAll("[data-fresh]"));
  remember(PARTS.map((id) => document.getElementById(id)).filter(Boolean));
  rang = calls;
  countAgain(document.querySelector(".side"));
  listen(document.querySelector(".desk").dataset.live);
  setInterval(() => document.visibilityState === "visible" && look({ list: true, ticket: true }), MINUTE);
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  button?.addEventListener("click", () => look({ list: true, asked: true }));
  // A part in which a menu was open waited for it.
  document.getElementById("p-acts")?.parentElement.addEventListener("toggle", () => waiting.size && look({ ticket: true }), true);
  if (ticket) beHere();
}

// The browser comes back by itself after a lost connection, but not after a refusal. Whoever was signed out is told so
// by the page that is fetched then.
function listen(address) {
  const source = new EventSource(address);
  const mine = (event) => event.data === ticket?.dataset.id;
  source.addEventListener("ticket", (event) => look({ list: true, ticket: mine(event) }));
  source.addEventListener("presence", (event) => look({ ticket: mine(event) }));
  source.addEventListener("call", rang);
  source.addEventListener("page", rang);
  source.addEventListener("typing", (event) => mine(event) && typing());
  source.addEventListener("inbound", () => look({ list: true }));
  source.addEventListener("tasks", () => look({ list: true }));
  source.addEventListener("maintenance", () => lookAtBoard());
  source.addEventListener("alerts", () => document.querySelector("[data-alarms]") && lookAtBoard());
  source.addEventListener("desk", () => look({ list: true, ticket: true }));
  source.addEventListener("refresh", () => {
    look({ list: true, ticket: true });
    rang();
  });
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) return;
    look({ list: true, ticket: true });
    setTimeout(() => listen(address), REFUSED);
  };
  addEventListener("pagehide", () => source.close());
}

function look(at) {
  wanted.list ||= Boolean(at.list && list);
  wanted.ticket ||= Boolean(at.ticket && ticket);
  wanted.asked ||= Boolean(at.asked);
  if (at.list) lookAtBoard();
  const wait = at.asked ? 0 : Math.max(0, lookedAt + GATHER - performance.now());
  if (!timer && (wanted.list || wanted.ticket)) timer = setTimeout(refresh, wait);
}

async function refresh() {
  const now = wanted;
  wanted = { list: false, ticket: false };
  lookedAt = performance.now();
  try {
    if (now.ticket) await refreshTicket();
    if (now.list) await refreshList(now.asked);
  } finally {
    timer = 0;
    look({});
  }
}

// The page at this address, read; null while the hub is away: the stream comes back and says so.
export async function fetched(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } }).catch(() => new Response(null, { status: 503 }));
  if (answer.status === 401 || answer.redirected) location.reload(); // signed out
  if (!answer.ok) return null;
  const parsed = document.createElement("template");
  parsed.innerHTML = await answer.text();
  return parsed.content;
}

// --- The list ------------------------------------------------------------------------------------------------

// Lines change where they are. They come, go and change places only when nobody points at them, or when asked to.
async function refreshList(asked) {
  const fresh = await fetched(list.dataset.list);
  if (!fresh) return;
  showCounts(fresh);
  countAgain(fresh.querySelector(".side"));
  const rows = fresh.querySelector("ul[data-list]");
  for (const row of rows.children) if (row.id === `t${ticket?.dataset.number}`) row.classList.add("current");
  const moves = moved(rows);
  if (moves && !asked && attended()) {
    for (const row of [...rows.children]) {
      const old = document.getElementById(row.id);
      if (!old || !differs(old, row)) continue;
      swap(old, row);
      light(row);
    }
    return offer(moves);
  }
  const { came, changed } = follow(list, rows);
  [...came, ...changed].forEach(light);
  document.getElementById("empty").hidden = fresh.getElementById("empty").hidden;
  offer(0);
}

// Counts of before are shown rather than waited for; whatever made them old may have been told before the page was there.
function countAgain(side) {
  if (side && "old" in side.dataset) setTimeout(() => look({ list: true }), COUNTED_ANEW);
}

function showCounts(fresh) {
  for (const view of fresh.querySelectorAll(".side a")) {
    const old = document.querySelector(`.side a[href="${CSS.escape(view.getAttribute("href"))}"]`);
    if (old && differs(old, view)) swap(old, view);
  }
}

function moved(rows) {
  const before = [...list.children].map((row) => row.id);
  const after = [...rows.children].map((row) => row.id);
  const came = after.filter((id) => !before.includes(id)).length;
  const gone = before.filter((id) => !after.includes(id)).length;
  return before.join() === after.join() ? 0 : Math.max(came, gone, 1);
}

const attended = () => list.matches(":hover, :focus-within") || list.parentElement.scrollTop + scrollY > 0;

function light(row) {
  row.classList.add("new");
  row.addEventListener("animationend", () => row.classList.remove("new"), { once: true });
}

function offer(count) {
  const word = count ? (count === 1 ? button.dataset.one : button.dataset.many).replace("{count}", count) : "";
  button.hidden = !count;
  button.querySelector("span").textContent = word;
  say(word);
}

// --- A board ---------------------------------------------------------------------------------------------------

function lookAtBoard() {
  if (boardTimer || !document.querySelector("[data-fresh]")) return;
  boardTimer = setTimeout(() => {
    boardTimer = 0;
    boardAt = performance.now();
    refreshBoard();
  }, Math.max(0, boardAt + BOARD - performance.now()));
}

// Parts that say something else are put in their places; one that somebody fills in a form of stays as it is.
export async function refreshBoard() {
  const parts = document.querySelectorAll("[data-fresh]");
  const fresh = parts.length ? await fetched(location.href) : null;
  if (!fresh) return;
  showCounts(fresh);
  for (const part of parts) {
    const now = fresh.getElementById(part.id);
    const held = part.contains(document.activeElement) && !document.activeElement.matches("a[href]");
    if (now && !held && differs(part, now)) swap(part, now);
  }
}

// --- The ticket ----------------------------------------------------------------------------------------------

const waiting = new Set();

async function refreshTicket() {
  const fresh = await fetched(`/desk/tickets/${ticket.dataset.number}?only=talk&${list.dataset.here}`);
  if (fresh) showTicket(fresh);
}

// Put what was read of the ticket in its places.
export function showTicket(fresh) {
  const last = fresh.getElementById("p-about").dataset.seen;
  waiting.clear();
  for (const id of PARTS) {
    const [old, now] = [document.getElementById(id), fresh.getElementById(id)];
    if (!differs(old, now)) continue;
    if (busy(old)) waiting.add(id);
    else swap(old, now);
  }
  const [timeline, now] = [document.getElementById("p-timeline"), fresh.getElementById("p-timeline")];
  const read = atEnd();
  timeline.dataset.form = now.dataset.form;
  const leaving = [...timeline.querySelectorAll(":scope > [data-leaving]")]; // not stored yet
  for (const one of leaving) one.remove();
  const { came, changed } = follow(timeline, now);
  timeline.append(...leaving);
  if (read && (came.length || changed.length)) toEnd();
  const said = came.filter((one) => one.matches(".msg:not(.mine)"));
  say(words(said.at(-1)));
  const heard = came.some((one) => one.matches(".msg.in"));
  if (heard) typed();
  if (chat && read && document.visibilityState === "visible") return haveRead(last);
  if (chat && !read) more(said.length);
  haveSeen(last, heard || came.some((one) => one.matches(".msg.out:not(.auto)")));
}

// Who spoke; of a chat also the first words.
function words(message) {
  const who = message?.querySelector("header, summary")?.textContent ?? "";
  return message?.matches(".turn") ? `${message.querySelector(".author").textContent}: ${message.querySelector(".text")?.textContent.slice(0, 120) ?? ""}` : who;
}

// Somebody fills in a form here.
const busy = (part) =>
  Boolean(part.querySelector("details.menu[open]")) ||
  (part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea"));

// While something is being written, sending still carries what was seen before: the server asks to read first.
function haveSeen(last, newer) {
  const box = document.getElementById("reply-text");
  if (!box) return;
  if (!box.value.trim()) box.form.elements.seen.value = last;
  else if (newer) document.getElementById("newer").hidden = false;
}

// --- Of a chat -----------------------------------------------------------------------------------------------

const chat = document.querySelector("#compose[data-chat]");
const pane = document.querySelector(".said");
let unread = 0;
let typingEnds = 0;

// Where the conversation scrolls: in its pane, or on narrow screens with the page.
function scroller() {
  for (let box = pane; box; box = box.parentElement)
    if (box.scrollHeight > box.clientHeight && /auto|scroll/.test(getComputedStyle(box).overflowY)) return box;
  return document.scrollingElement;
}

// How far the last line lies below what can be seen: the reply box stands over it.
function hidden() {
  const last = document.getElementById("p-timeline").lastElementChild;
  const box = document.getElementById("compose");
  return last && box ? last.getBoundingClientRect().bottom - box.getBoundingClientRect().top : 0;
}

const atEnd = () => hidden() < 80;

export function toEnd() {
  scroller().scrollTop += Math.max(0, hidden() + ROOM);
  more(-unread);
}

function more(count) {
  const newest = document.getElementById("newest");
  if (!newest) return;
  unread += count;
  newest.hidden = !unread;
  newest.querySelector("span").textContent = (unread === 1 ? newest.dataset.one : newest.dataset.many).replace("{count}", unread);
}

// What came stands above the box, and whoever writes sees it.
function haveRead(last) {
  const box = document.getElementById("reply-text");
  if (box) box.form.elements.seen.value = last;
}

function typing() {
  clearTimeout(typingEnds);
  document.getElementById("types").hidden = false;
  typingEnds = setTimeout(typed, TYPING_LASTS);
}

function typed() {
  const types = document.getElementById("types");
  if (types) types.hidden = true;
}

if (chat) {
  const newest = document.getElementById("newest");
  newest.addEventListener("mousedown", (event) => event.preventDefault()); // whoever writes goes on writing
  newest.addEventListener("click", () => {
    toEnd();
    haveRead(document.getElementById("p-about").dataset.seen);
  });
  addEventListener("scroll", () => unread && atEnd() && more(-unread), { capture: true, passive: true });
}

// --- Who is here ---------------------------------------------------------------------------------------------

function beHere() {
  const box = document.getElementById("reply-text");
  const doing = () => (box?.value.trim() && document.activeElement === box ? "writing" : "looking");
  let told = "";
  const tell = (what) => {
    told = what;
    const form = new FormData();
    form.set("csrf", document.querySelector("#compose input[name=csrf]").value);
    form.set("doing", what);
    const to = `/desk/tickets/${ticket.dataset.number}/here`;
    return fetch(to, { method: "POST", body: form, keepalive: true }).catch(() => {}); // said again in a while
  };
  const again = () => document.visibilityState === "visible" && tell(doing());
  again();
  setInterval(again, HERE_EVERY);
  box?.addEventListener("input", () => doing() !== told && again());
  addEventListener("pagehide", () => tell("gone"));
}

function say(sentence) {
  if (!sentence || performance.now() - saidAt < SAY_AT_MOST) return;
  saidAt = performance.now();
  document.getElementById("said").textContent = sentence.replace(/\s+/g, " ").trim();
}
