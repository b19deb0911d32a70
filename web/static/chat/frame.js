// The conversation, in its frame. What is typed waits here until the hub has it, and appears once, whatever happens between.
const TAKEN = 86400000; // ms: what the hub took and has not placed yet is shown for a day
const FIRST_WAIT = 500; // ms before a lost connection is tried again, doubled each time
const LAST_WAIT = 15000;
const TYPED_EVERY = 3000;
const TYPING_SHOWN = 6000;
const ANSWER_WITHIN = 20000; // ms; then the line counts as lost

const $ = (id) => document.getElementById(id);
const { site, words: said, origins: listed, accent, signed } = document.body.dataset;
const words = JSON.parse(said);
const origins = JSON.parse(listed);
const language = document.documentElement.lang;
const log = $("log");
const box = $("text");
const framed = parent !== window;

// --- What is kept ----------------------------------------------------------------------------------------------

// A browser may forbid it: then it lives as long as the page.
const kept = (() => {
  try {
    localStorage.setItem("chat", "1");
    return localStorage;
  } catch {
    const all = new Map();
    return { getItem: (key) => all.get(key) ?? null, setItem: (key, value) => all.set(key, value), removeItem: (key) => all.delete(key), keys: () => [...all.keys()] };
  }
})();
const keys = () => (kept.keys ? kept.keys() : Object.keys(kept));
const place = `chat:${site}`;

function secret() {
  if (signed !== undefined) return "";
  let found = kept.getItem(place);
  if (!found) {
    found = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(24)))).replaceAll("+", "-").replaceAll("/", "_");
    kept.setItem(place, found);
  }
  return found;
}

// Each message that is on its way has a place of its own: two pages of one visitor do not get in each other's way.
const queue = new Map();
function queued(one) {
  queue.set(one.id, one);
  kept.setItem(`${place}:${one.id}`, JSON.stringify(one));
}
function done(id) {
  queue.get(id)?.line?.remove();
  queue.delete(id);
  kept.removeItem(`${place}:${id}`);
}
function recall() {
  for (const key of keys().filter((one) => one.startsWith(`${place}:`)).sort()) {
    const one = JSON.parse(kept.getItem(key));
    if (!one || (one.taken && Date.now() - one.at > TAKEN)) kept.removeItem(key);
    else if (!queue.has(one.id)) queue.set(one.id, one);
  }
  [...queue.values()].sort((a, b) => a.at - b.at).forEach(drawWaiting);
}

// --- The line to the hub ---------------------------------------------------------------------------------------

let wire = null; // { send, close }
let live = false; // welcomed
let wait = FIRST_WAIT;
let unheard = 0; // sockets in a row that never got through
let since = 0;
let timer = 0;
let token = null;

const hello = () => ({ type: "hello", site, secret: secret(), since, language });

function connect() {
  clearTimeout(timer);
  wire?.close();
  wire = unheard < 2 && "WebSocket" in window ? bySocket() : byPosts();
}

function bySocket() {
  const socket = new WebSocket(`${location.origin.replace("http", "ws")}/chat/ws?site=${encodeURIComponent(site)}`);
  let heard = false;
  socket.onopen = () => socket.send(JSON.stringify(hello()));
  socket.onmessage = (event) => {
    heard = true;
    take(JSON.parse(event.data));
  };
  socket.onclose = (event) => {
    unheard = heard ? 0 : unheard + 1;
    lost(event.code === 1008 && signed !== undefined);
  };
  return {
    send: (frame) => socket.send(JSON.stringify(frame)),
    close() {
      socket.onclose = socket.onmessage = null;
      socket.close();
    },
  };
}

const posted = (to, body) =>
  fetch(to, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

function byPosts() {
  const ended = new AbortController();
  const me = { close: () => ended.abort(), send };
  async function send(frame) {
    try {
      const answer = await posted("/chat/messages", { ...hello(), frame });
      if (!answer.ok) throw answer.status;
      if (wire === me) take(await answer.json());
    } catch {
      if (wire === me) me.close();
    }
  }
  (async () => {
    try {
      const answer = await fetch("/chat/events", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(hello()), signal: ended.signal });
      if (!answer.ok) throw answer.status;
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const lines = (rest + value).split("\n\n");
        rest = lines.pop();
        for (const line of lines) if (line.startsWith("data: ")) take(JSON.parse(line.slice(6)));
      }
    } catch {
      // the same as an end
    }
    if (wire === me) {
      unheard = 0; // a socket may get through again
      lost(false);
    }
  })();
  return me;
}

function lost(out) {
  live = false;
  wire = null;
  for (const one of queue.values()) one.sent = false;
  line(out ? words.signed_out : words.offline);
  if (out) return;
  timer = setTimeout(connect, wait * (0.75 + Math.random() / 2));
  wait = Math.min(wait * 2, LAST_WAIT);
}

function give(frame) {
  if (live) wire.send(frame);
  return live;
}

function flush() {
  for (const one of [...queue.values()].sort((a, b) => a.at - b.at)) {
    if (one.taken || one.sent || one.refused || one.file) continue;
    one.sent = give({ type: "say", id: one.id, text: one.text, button: one.button, command: one.command });
    if (one.sent) setTimeout(() => queue.get(one.id)?.sent && !one.taken && live && connect(), ANSWER_WITHIN);
  }
}

addEventListener("online", () => !live && connect());
addEventListener("pagehide", () => wire?.close());
addEventListener("pageshow", (event) => event.persisted && connect());

// --- What the hub says -----------------------------------------------------------------------------------------

function take(frame) {
  const takes = { welcome, items, standing, typing, done: taken, refused, identified, sent: () => about(words.code_sent), proved, claimed: () => about(words.saved) };
  takes[frame.type]?.(frame);
}

function welcome(frame) {
  live = true;
  wait = FIRST_WAIT;
  $("prove").hidden = $("proof").hidden = !frame.proves;
  $("proof").hidden = true;
  line("");
  if (token) give({ type: "identify", token });
  flush();
}

const shown = new Map();

function items({ items, gone }) {
  const end = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  for (const id of gone ?? []) {
    shown.get(id)?.remove();
    shown.delete(id);
  }
  for (const item of items) {
    if (item.ref) done(item.ref);
    const fresh = draw(item);
    const old = shown.get(item.id);
    if (old) old.replaceWith(fresh);
    else {
      const next = [...log.children].find((one) => !one.dataset.at || Number(one.dataset.at) > item.at);
      log.insertBefore(fresh, next ?? null);
      if (item.by !== "me" && item.at > since) {
        unread += 1;
        $("typing").hidden = true;
      }
    }
    shown.set(item.id, fresh);
    if (item.by !== "me" && item.id > newest) newest = item.id;
    since = Math.max(since, item.at);
  }
  let before = "";
  for (const number of log.querySelectorAll(".number")) {
    number.hidden = number.textContent === before; // said once, where the talk turns to another request
    before = number.textContent;
  }
  if (end) log.scrollTop = log.scrollHeight;
  see();
}

function standing(frame) {
  const state =
    frame.state === "waiting"
      ? [words.state_next, words.state_one][frame.before] ?? words.state_many.replace("{n}", frame.before)
      : frame.state === "joined"
        ? (frame.who ? words.state_joined.replace("{who}", frame.who) : words.state_answered)
        : words[`state_${frame.state}`];
  $("standing").textContent = frame.opens ? words.opens.replace("{when}", frame.opens) : state;
  $("who").textContent = frame.known ? words.known_as.replace("{who}", frame.known) : words.about_why;
  $("ask-status").hidden = !frame.number && !frame.known;
  $("attach").hidden = !frame.may_send_files;
  if ($("hint")) $("hint").hidden = frame.state === "new" || Boolean(frame.known || frame.email);
  if (!$("name").value) $("name").value = frame.known || frame.name;
  if (!$("email").value) $("email").value = frame.email;
}

let typingTimer = 0;
function typing() {
  $("typing").hidden = false;
  clearTimeout(typingTimer);
  typingTimer = setTimeout(() => ($("typing").hidden = true), TYPING_SHOWN);
}

function taken({ id, at }) {
  const one = queue.get(id);
  if (!one) return;
  if (one.button || one.command) return done(id);
  queued({ ...one, taken: true, placed: at, line: undefined });
  mark(one, "");
  one.line.dataset.at = at; // what we ask about it stands below it
  queue.get(id).line = one.line;
}

function refused({ of, why, id }) {
  const one = queue.get(id);
  const because = words[`why_${why}`] ?? words.why_refused;
  if (of === "identify") {
    token = null;
    return line(because);
  }
  if (!one) return about(because);
  if (why === "later") {
    one.sent = false;
    mark(one, because);
    return setTimeout(flush, LAST_WAIT);
  }
  one.refused = true;
  mark(one, because, true);
}

function identified(frame) {
  if (frame.as === "another") return begin(); // this browser was somebody else's: the token is told to a new conversation
  token = null;
}

function proved() {
  $("proof").hidden = true;
  $("code").value = "";
  about(words.proved);
}

// Nothing of who wrote here before is left.
function begin() {
  for (const id of [...queue.keys()]) done(id);
  kept.removeItem(place);
  shown.clear();
  log.replaceChildren();
  since = 0;
  newest = "";
  $("name").value = $("email").value = "";
  connect();
}

// --- What is shown ---------------------------------------------------------------------------------------------

function element(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text) made.textContent = text;
  return made;
}

const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "short" });
const date = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });

function when(at) {
  const moment = new Date(at * 1000);
  const told = element("time", "", (moment.toDateString() === new Date().toDateString() ? "" : `${date.format(moment)} `) + clock.format(moment));
  told.dateTime = moment.toISOString();
  told.title = day.format(moment);
  return told;
}

function draw(item) {
  const row = element("div", item.by);
  row.dataset.at = item.at;
  const bubble = row.appendChild(element("div", "said", item.withdrawn ? words.withdrawn : item.text));
  for (const file of item.files ?? []) bubble.appendChild(download(file));
  const foot = row.appendChild(element("p", "about"));
  const who = item.by === "me" ? words.me : item.name ?? "";
  foot.append(...(who ? [`${who} · `] : []), when(item.at));
  if (item.ticket) foot.append(element("span", "number", ` · ${item.ticket}`));
  if (item.buttons) {
    const choices = row.appendChild(element("div", "choices"));
    choices.setAttribute("role", "group");
    for (const one of item.buttons) {
      const button = choices.appendChild(element("button", "", one.label));
      button.type = "button";
      button.addEventListener("click", () => {
        choices.replaceChildren(element("span", "about", words.chosen.replace("{what}", one.label)));
        act({ button: one.id });
        box.focus();
      });
    }
  } else if (item.chosen) row.appendChild(element("p", "about", words.chosen.replace("{what}", item.chosen)));
  return row;
}

// By a form, so that nobody's secret stands in an address.
function download(file) {
  const form = element("form");
  form.method = "post";
  form.action = "/chat/file";
  for (const [name, value] of Object.entries({ site, secret: secret(), file: file.id })) {
    const field = form.appendChild(element("input"));
    Object.assign(field, { type: "hidden", name, value });
  }
  form.appendChild(element("button", "file", `${file.name} (${Math.ceil(file.size / 1024)} kB)`));
  return form;
}

function drawWaiting(one) {
  if (one.button || one.command) return;
  one.line = element("div", "me");
  one.line.append(element("div", "said", one.text), element("p", "about", one.taken ? "" : words.sending));
  if (one.placed) one.line.dataset.at = one.placed;
  log.append(one.line);
  log.scrollTop = log.scrollHeight;
}

function mark(one, text, failed) {
  const foot = one.line?.querySelector(".about");
  if (!foot) return text && line(text);
  foot.replaceChildren(element("span", failed ? "bad" : "", failed ? `${words.not_sent}: ${text} ` : text));
  if (!failed) return;
  const again = foot.appendChild(element("button", "", words.again));
  again.type = "button";
  again.addEventListener("click", () => {
    one.refused = one.sent = false;
    mark(one, words.sending);
    one.file ? upload(one) : flush();
  });
}

function line(text) {
  $("line").hidden = !text;
  $("line").textContent = text;
}

const about = (text) => ($("about").hidden ? line(text) : ($("about-said").textContent = text));

// --- What they do ----------------------------------------------------------------------------------------------

function act(what) {
  const one = { id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(16).slice(2)}-000`, at: Date.now(), text: "", ...what };
  queued(one);
  drawWaiting(one);
  if (!one.file) flush();
  return one;
}

$("compose").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = box.value.trim();
  if (!text) return;
  box.value = "";
  grow();
  act({ text });
});
box.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("compose").requestSubmit();
});
function grow() {
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + 2}px`;
}
let typedAt = 0;
box.addEventListener("input", () => {
  grow();
  if (!box.value.trim() || Date.now() - typedAt < TYPED_EVERY) return;
  typedAt = Date.now();
  give({ type: "typing" });
});

$("files").addEventListener("change", (event) => {
  const files = [...event.target.files];
  event.target.value = "";
  if (!files.length) return;
  const text = box.value.trim();
  box.value = "";
  const one = { text: text || files.map((file) => file.name).join(", "), words: text, file: true };
  const made = act(one);
  kept.removeItem(`${place}:${made.id}`); // files do not outlive the page
  made.files = files;
  upload(made);
});
async function upload(one) {
  const form = new FormData();
  for (const [name, value] of Object.entries({ site, secret: secret(), id: one.id, text: one.words, language })) form.set(name, value);
  for (const file of one.files) form.append("files", file);
  try {
    const answer = await fetch("/chat/files", { method: "POST", body: form });
    if (answer.status === 413) return refused({ why: "files_large", id: one.id });
    if (!answer.ok) throw answer.status;
    const frame = await answer.json();
    frame.type === "done" ? taken(frame) : refused(frame);
  } catch {
    refused({ why: "line", id: one.id });
  }
}

for (const one of document.querySelectorAll("[data-command]"))
  one.addEventListener("click", () => {
    $("menu").open = false;
    act({ command: one.dataset.command });
    box.focus();
  });
for (const one of document.querySelectorAll("#open-about, #hint button"))
  one.addEventListener("click", () => {
    $("menu").open = false;
    $("about").hidden = !$("about").hidden;
    if (!$("about").hidden) $("name").focus();
  });
$("about").addEventListener("submit", (event) => {
  event.preventDefault();
  give({ type: "claim", name: $("name").value, email: $("email").value }) || about(words.offline);
});
$("prove").addEventListener("click", () => {
  if (!$("email").reportValidity() || !$("email").value) return $("email").focus();
  $("proof").hidden = false;
  give({ type: "prove", email: $("email").value }) || about(words.offline);
});
$("confirm").addEventListener("click", () => give({ type: "code", email: $("email").value, code: $("code").value }));
$("code").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  $("confirm").click();
});

// --- The page around it ----------------------------------------------------------------------------------------

let visible = !framed;
let unread = 0;
let newest = "";
let told = "";
let around = ""; // the origin that may be told something
let seeing = 0;

function tellAround(what) {
  if (framed && around) parent.postMessage(what, around);
}

function see() {
  if (!visible || document.visibilityState !== "visible") return tellAround({ centralino: "unread", n: unread });
  unread = 0;
  if (newest <= told || seeing) return;
  seeing = setTimeout(() => {
    seeing = 0;
    if (visible && document.visibilityState === "visible" && newest > told && give({ type: "seen", id: newest })) told = newest;
  }, 1000);
}
addEventListener("visibilitychange", see);

addEventListener("message", (event) => {
  if (event.source !== parent || !framed || !origins.includes(event.origin)) return;
  const what = event.data ?? {};
  around = event.origin;
  if (what.centralino === "hello") $("close").hidden = false;
  if (what.centralino === "open") {
    visible = true;
    log.scrollTop = log.scrollHeight;
    box.focus();
    see();
  }
  if (what.centralino === "close") visible = false;
  if (what.centralino === "identify" && signed === undefined) {
    token = String(what.token);
    give({ type: "identify", token });
  }
  if (what.centralino === "forget" && signed === undefined) begin();
});
$("close").addEventListener("click", () => tellAround({ centralino: "close" }));
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if ($("menu").open) $("menu").open = false;
  else if (!$("about").hidden) $("about").hidden = true;
  else tellAround({ centralino: "close" });
});

if (accent) {
  const [r, g, b] = [1, 3, 5].map((at) => (parseInt(accent.slice(at, at + 2), 16) / 255) ** 2.2);
  document.documentElement.style.setProperty("--accent", accent);
  document.documentElement.style.setProperty("--on-accent", 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#111" : "#fff");
}
recall();
connect();
