// A telephone: it presses keys and says what it is told to say. What a call is, and how it goes on, the server knows.
const phone = document.getElementById("softphone");
const words = JSON.parse(phone.dataset.words);
const at = (id) => document.getElementById(id);
const screen = at("screen");
const typed = at("typed");
const LOOK_EVERY = 4000; // ms between looks at what came to the number
const TONE = 1; // seconds, where there is no microphone

let answer = null; // the last one: what is waited for
let keys = "";
let timer = 0;
let busy = false;
let recorder = null;

// --- Talking with the desk -----------------------------------------------------------------------------------

async function post(path, fields = {}) {
  const form = new FormData();
  form.set("csrf", phone.dataset.csrf);
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  const got = await fetch(`/desk/softphone/${path}`, { method: "POST", body: form }).catch(() => null);
  if (got?.status === 401) location.reload();
  if (!got?.ok) {
    screen.textContent = words.away;
    return null;
  }
  return got.json();
}

async function act(what, fields = {}) {
  if (!answer || busy) return;
  busy = true;
  clearTimeout(timer);
  const next = await post(`${answer.call}/${answer.seq}/${what}`, fields);
  busy = false;
  if (next?.over) return ended(words.hung_up);
  if (next) follow(next);
}

// --- Following what the desk says ----------------------------------------------------------------------------

function follow(next) {
  answer = next;
  keys = "";
  show();
  const then = next.then;
  at("recorder").hidden = then.kind !== "record";
  at("silence").hidden = then.kind !== "gather";
  at("answer").hidden = at("done").hidden = true;
  pad(then.kind === "gather" || then.kind === "hold");
  screen.textContent = { gather: words.listening, record: words.spoke, hold: words.held, hangup: words.over }[then.kind];
  const spoken = speak(next.say);
  if (then.kind === "hangup") return spoken.then(() => answer === next && ended(words.over));
  if (then.kind === "record") spoken.then(() => answer === next && listen());
  if (then.kind === "hold") hold(next);
  if (then.kind === "gather" && at("timed").checked) {
    spoken.then(() => answer === next && !keys && wait(then.timeout, () => act("silence")));
  }
}

const wait = (seconds, then) => {
  clearTimeout(timer);
  timer = setTimeout(then, seconds * 1000);
};

async function hold(held) {
  if (answer !== held) return;
  const found = await post(`${held.call}/${held.seq}/wait`);
  if (answer !== held) return;
  if (found?.answer) return follow(found.answer);
  if (found) {
    speak(found.say);
    const names = found.names.join(", ");
    screen.textContent = found.connected ? words.connected.replace("{name}", names) : names ? words.rings.replace("{name}", names) : words.held;
    at("answer").hidden = found.connected || !names;
    at("done").hidden = !found.connected;
    pad(!found.connected);
  }
  wait(found?.ask_every ?? 5, () => hold(held));
}

function ended(sentence) {
  answer = null;
  keys = "";
  clearTimeout(timer);
  speechSynthesis?.cancel();
  stopMicrophone();
  say("sys", sentence);
  screen.textContent = sentence;
  for (const id of ["hangup", "silence", "answer", "done", "recorder"]) at(id).hidden = true;
  at("call").hidden = false;
  at("call").focus();
  pad(false);
  show();
  look();
}

// --- Keys ----------------------------------------------------------------------------------------------------

const pad = (on) => {
  for (const key of document.querySelectorAll("[data-key]")) key.disabled = !on;
};
const secret = () => answer?.then.kind === "gather" && answer.then.secret;
const show = () => {
  typed.textContent = secret() ? "•".repeat(keys.length) : keys;
};

function press(key) {
  if (!answer) return;
  const then = answer.then;
  if (then.kind !== "gather" && then.kind !== "hold") return;
  speechSynthesis?.cancel(); // who presses a key has heard enough
  clearTimeout(timer);
  if (then.kind === "hold") return send(key);
  if (key === then.finish) return keys ? send(keys) : act("silence");
  keys += key;
  show();
  if (keys.length >= then.maximum) return send(keys);
  if (at("timed").checked) wait(then.pause, () => send(keys));
}

function send(entry) {
  say("me", `${words.pressed} ${secret() ? words.secret : entry}`);
  keys = "";
  act("keys", { keys: entry });
}

document.querySelector(".pad").addEventListener("click", (event) => event.target.dataset.key && press(event.target.dataset.key));
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
  if (/^[0-9*#]$/.test(event.key) && answer) {
    event.preventDefault();
    event.stopImmediatePropagation();
    press(event.key);
  }
}, true);

// --- The voice -----------------------------------------------------------------------------------------------

function say(who, text, language) {
  const line = document.createElement("li");
  line.className = who;
  line.textContent = text;
  if (language) line.lang = language;
  at("transcript").append(line);
  line.scrollIntoView({ block: "nearest" });
}

async function speak(said) {
  for (const one of said) say("voice", one.text, one.language);
  if (!at("aloud").checked) return;
  speechSynthesis?.cancel();
  for (const one of said) {
    if (one.recording) await played(`/desk/softphone/sound/${one.recording}`);
    else await uttered(one);
  }
}

const played = (address) =>
  new Promise((done) => {
    const sound = new Audio(address);
    sound.onended = sound.onerror = done;
    sound.play().catch(done);
  });

function uttered(one) {
  // Where the browser has no voices nothing would ever end.
  if (!window.speechSynthesis?.getVoices().length) return Promise.resolve();
  return new Promise((done) => {
    const words = new SpeechSynthesisUtterance(one.text);
    words.lang = one.language;
    words.onend = words.onerror = done;
    speechSynthesis.speak(words);
  });
}

// --- The microphone ------------------------------------------------------------------------------------------

async function listen() {
  at("mic").textContent = words.mic;
  const began = Date.now();
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const parts = [];
    const running = new MediaRecorder(stream);
    running.ondataavailable = (event) => parts.push(event.data);
    running.start();
    recorder = { running, parts, stream, began };
    at("mic").textContent = words.spoke;
  } catch {
    recorder = { began };
    at("mic").textContent = words.none;
  }
}

async function taken() {
  const seconds = recorder ? (Date.now() - recorder.began) / 1000 : TONE;
  if (!recorder?.running) return { audio: tone(), seconds: TONE };
  await new Promise((done) => {
    recorder.running.onstop = done;
    recorder.running.stop();
  });
  return { audio: new Blob(recorder.parts, { type: recorder.running.mimeType }), seconds };
}

function stopMicrophone() {
  for (const track of recorder?.stream?.getTracks() ?? []) track.stop();
  recorder = null;
}

// A second of a tone as a WAV of 8 kHz: what stands for a voice where there is no microphone.
function tone() {
  const count = 8000 * TONE;
  const bytes = new DataView(new ArrayBuffer(44 + 2 * count));
  const text = (place, letters) => [...letters].forEach((letter, n) => bytes.setUint8(place + n, letter.charCodeAt(0)));
  text(0, "RIFF");
  bytes.setUint32(4, 36 + 2 * count, true);
  text(8, "WAVEfmt ");
  [[16, 16, 4], [20, 1, 2], [22, 1, 2], [24, 8000, 4], [28, 16000, 4], [32, 2, 2], [34, 16, 2], [40, 2 * count, 4]].forEach(([place, value, size]) =>
    size === 4 ? bytes.setUint32(place, value, true) : bytes.setUint16(place, value, true),
  );
  text(36, "data");
  for (let n = 0; n < count; n++) bytes.setInt16(44 + 2 * n, 6000 * Math.sin((2 * Math.PI * 440 * n) / 8000), true);
  return new Blob([bytes], { type: "audio/wav" });
}

at("spoken").addEventListener("click", async () => {
  const { audio, seconds } = await taken();
  stopMicrophone();
  const typed = at("words").value.trim();
  at("words").value = "";
  say("me", typed || words.spoke);
  act("recorded", { audio, seconds, words: typed });
});
at("mute").addEventListener("click", () => {
  stopMicrophone();
  say("me", words.silent);
  act("empty");
});

// --- Dialling ------------------------------------------------------------------------------------------------

at("call").addEventListener("click", async () => {
  at("transcript").replaceChildren();
  screen.textContent = words.calling;
  const next = await post("ring", { number: at("number").value, flow: at("flow").value, id: crypto.randomUUID() });
  if (!next) return;
  at("call").hidden = true;
  at("hangup").hidden = false;
  follow(next);
});
at("hangup").addEventListener("click", () => {
  busy = false;
  act("hangup");
});
at("silence").addEventListener("click", () => {
  say("me", words.silent);
  act("silence");
});
at("answer").addEventListener("click", async () => {
  const held = answer;
  await post(`${held.call}/${held.seq}/answer`);
  hold(held);
});
at("done").addEventListener("click", () => act("bridged"));
at("dial").addEventListener("submit", (event) => event.preventDefault());
at("who-calls").addEventListener("change", (event) => {
  at("number").value = event.target.value;
  code();
  look();
});
at("number").addEventListener("change", look);

function code() {
  const chosen = at("who-calls").selectedOptions[0];
  at("code").textContent = chosen?.dataset.code ? at("code").dataset.text.replace("{code}", chosen.dataset.code) : "";
}

// --- What comes to the number --------------------------------------------------------------------------------

const known = new Set();
let first = true;

async function look() {
  const number = at("number").value.trim();
  const got = number ? await fetch(`/desk/softphone/messages?number=${encodeURIComponent(number)}`).catch(() => null) : null;
  const found = got?.ok ? await got.json() : [];
  if (number !== at("number").value.trim()) return;
  const fresh = found.filter((one) => !known.has(one.id));
  at("messages").replaceChildren(...found.map(line));
  for (const one of fresh) known.add(one.id);
  if (!first && fresh.length && !answer) speak(fresh.slice(0, 1).map((one) => ({ text: one.text, language: one.language, recording: "" })));
  first = false;
}

function line(one) {
  const item = document.createElement("li");
  const head = document.createElement("p");
  const link = document.createElement("a");
  const time = document.createElement("time");
  const text = document.createElement("p");
  link.href = `/desk/tickets/${one.ticket}`;
  link.className = "link number";
  link.textContent = one.ticket;
  time.dateTime = one.at;
  time.textContent = new Date(one.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  head.className = "secondary small";
  head.append(...(one.ticket ? [link, " · "] : []), time);
  text.lang = one.language;
  text.textContent = one.text;
  item.append(head, text);
  return item;
}

setInterval(() => document.visibilityState === "visible" && look(), LOOK_EVERY);
addEventListener("pagehide", () => {
  if (!answer) return;
  const form = new FormData();
  form.set("csrf", phone.dataset.csrf);
  navigator.sendBeacon(`/desk/softphone/${answer.call}/${answer.seq}/hangup`, form); // outlives the page
});
code();
look();
