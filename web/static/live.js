// What changed while somebody looks: the server says which, the page fetches what it may see and keeps focus and scroll.
const SAY_AT_MOST = 5000; // ms between two sentences of a screen reader
const GATHER = 300; // ms: changes within this time are fetched together
const HERE_EVERY = 20000; // ms; the server forgets after 30 s

const ticket = document.querySelector("section.ticket");
const list = document.querySelector(".rows");
let timer = 0;
let pending = { list: false, ticket: false };
let saidAt = 0;

export function listenForChanges() {
  const source = new EventSource("/desk/live");
  source.addEventListener("ticket", (event) => changed({ list: true, ticket: event.data === ticket?.dataset.id }));
  source.addEventListener("presence", (event) => changed({ ticket: event.data === ticket?.dataset.id }));
  source.addEventListener("inbound", () => changed({ list: true }));
  source.addEventListener("refresh", () => changed({ list: true, ticket: true }));
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  if (ticket) beHere();
}

function changed(what) {
  pending.list ||= Boolean(what.list && list);
  pending.ticket ||= Boolean(what.ticket && ticket);
  if (!timer && (pending.list || pending.ticket)) timer = setTimeout(refresh, GATHER);
}

async function refresh() {
  const wanted = pending;
  pending = { list: false, ticket: false };
  try {
    if (wanted.ticket) await refreshTicket();
    if (wanted.list) await refreshList();
  } finally {
    timer = 0;
    changed({});
  }
}

async function fetched(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (answer.status === 401 || answer.redirected) location.reload();
  if (!answer.ok) return null;
  const parsed = document.createElement("template");
  parsed.innerHTML = await answer.text();
  return parsed.content;
}

// Rows that are there keep their place until somebody asks; new ones and those that left make the button appear.
async function refreshList() {
  const fresh = await fetched(list.dataset.rows);
  if (!fresh) return;
  const rows = [...fresh.querySelectorAll(".row")];
  const shown = new Map([...list.children].map((row) => [row.id, row]));
  for (const row of rows) {
    const old = shown.get(row.id);
    if (!old) continue;
    row.classList.toggle("current", old.classList.contains("current"));
    if (old.outerHTML === row.outerHTML) continue;
    const focused = old.contains(document.activeElement);
    row.classList.add("new");
    old.replaceWith(row);
    if (focused) row.querySelector("a.open").focus();
  }
  const order = [...list.children].map((row) => row.id).join();
  if (order === rows.map((row) => row.id).join()) return;
  const moved = [...fresh.querySelectorAll(".row")].filter((row) => !shown.has(row.id)).length;
  const button = document.querySelector("[data-refresh]");
  if (document.activeElement === document.body && !ticket && scrollTop() === 0) return apply(fresh, rows, shown);
  button.hidden = false;
  button.querySelector("span").textContent = moved || "";
  button.onclick = () => location.reload();
  say(button.textContent.trim());
}

function scrollTop() {
  return document.querySelector("section.list").scrollTop + scrollY;
}

function apply(fresh, rows, shown) {
  const all = await_order(rows);
  for (const row of all) if (!shown.has(row.id)) row.classList.add("new");
  list.replaceChildren(...all);
}

function await_order(rows) {
  return rows.map((row) => document.getElementById(row.id) ?? row);
}

async function refreshTicket() {
  const fresh = await fetched(`/desk/tickets/${ticket.dataset.number}?only=talk&${list?.dataset.here ?? ""}`);
  if (!fresh) return;
  const talk = ticket.querySelector(".talk");
  const atEnd = talk.scrollHeight - talk.scrollTop - talk.clientHeight < 80;
  for (const id of ["p-head", "p-acts", "p-timeline", "p-about"]) {
    const [old, now] = [document.getElementById(id), fresh.getElementById(id)];
    if (old.innerHTML === now.innerHTML) continue;
    if (old.contains(document.activeElement) && document.activeElement !== document.body) {
      if (document.activeElement.matches("input, select, textarea")) continue; // somebody fills in a form here
    }
    if (old.querySelector("details.menu[open]")) continue;
    const open = [...old.querySelectorAll("details")].map((one) => one.open);
    const focused = document.activeElement?.id;
    const count = old.children.length;
    old.replaceWith(now);
    [...now.querySelectorAll("details")].forEach((one, n) => {
      if (n < open.length) one.open = open[n];
      if (one.classList.contains("menu")) one.name = "menu";
    });
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    if (id === "p-timeline" && now.children.length > count) newMessage(fresh, atEnd, talk);
  }
  seen(fresh);
}

function newMessage(fresh, atEnd, talk) {
  if (atEnd) talk.scrollTop = talk.scrollHeight;
  say(document.querySelector("#p-timeline > .msg:last-of-type header")?.textContent ?? "");
}

// While something is being written, a send still carries what was seen before: the server asks to read first.
function seen(fresh) {
  const last = fresh.getElementById("p-about")?.dataset.seen ?? document.getElementById("p-about").dataset.seen;
  const box = document.getElementById("reply-text");
  const field = document.querySelector("form.reply input[name=seen]");
  if (!field || !last) return;
  if (!box.value.trim()) field.value = last;
  else if (field.value !== last) document.getElementById("newer").hidden = !isNewer();
}

function isNewer() {
  const last = [...document.querySelectorAll("#p-timeline > .msg.in, #p-timeline > .msg.out:not(.auto)")].at(-1);
  const known = ticket.dataset.lastMessage;
  return Boolean(last && known && last.id !== known);
}

function beHere() {
  const last = [...document.querySelectorAll("#p-timeline > .msg.in, #p-timeline > .msg.out:not(.auto)")].at(-1);
  ticket.dataset.lastMessage = last?.id ?? "none";
  const tell = (doing) => {
    const form = new FormData();
    form.set("csrf", document.querySelector("#compose input[name=csrf]").value);
    form.set("doing", doing);
    return fetch(`/desk/tickets/${ticket.dataset.number}/here`, { method: "POST", body: form, keepalive: true }).catch(() => {});
  };
  const doing = () => {
    const box = document.activeElement;
    return box?.id === "reply-text" && box.value.trim() ? "writing" : "looking";
  };
  let told = "";
  const again = () => document.visibilityState === "visible" && tell((told = doing()));
  again();
  setInterval(again, HERE_EVERY);
  document.getElementById("reply-text")?.addEventListener("input", () => doing() !== told && again());
  addEventListener("pagehide", () => tell("gone"));
}

function say(sentence) {
  const now = Date.now();
  if (!sentence || now - saidAt < SAY_AT_MOST) return;
  saidAt = now;
  document.getElementById("said").textContent = sentence.replace(/\s+/g, " ").trim();
}
