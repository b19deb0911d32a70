// The reply box of a chat: Enter sends, the page stays, and what is on its way says so until the server has it.
import { showTicket, toEnd } from "./live.js";

const TELL_EVERY = 3000; // ms between two words that we are writing

const compose = document.querySelector("#compose[data-chat]");
const form = compose?.querySelector("form.reply");
const box = form?.elements.text;
const number = document.querySelector("section.ticket")?.dataset.number;
let before = Promise.resolve(); // one after the other
let toldAt = -TELL_EVERY;

export function chat() {
  if (!form) return;
  const enter = document.getElementById("enter-sends");
  enter.checked = localStorage.getItem("enter-sends") !== "no";
  enter.closest("label").hidden = false;
  enter.addEventListener("change", () => localStorage.setItem("enter-sends", enter.checked ? "yes" : "no"));
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (!enter.checked) return;
    event.preventDefault();
    if (box.value.trim()) send();
  });
  box.addEventListener("input", tell);
  form.addEventListener("submit", (event) => {
    if (event.submitter && !event.submitter.matches("[data-send]")) return; // asks and waits, or is about a person
    event.preventDefault();
    event.stopPropagation();
    send();
  });
}

function send() {
  const body = new FormData(form);
  const text = box.value;
  const line = pending(text);
  box.value = "";
  box.dispatchEvent(new Event("input")); // its draft is over
  form.elements.files.value = "";
  form.elements.files.dispatchEvent(new Event("change", { bubbles: true }));
  before = before.then(() => deliver(body, text, line));
}

async function deliver(body, text, line) {
  for (const name of ["idem", "seen"]) body.set(name, form.elements[name].value);
  const here = document.querySelector("ul[data-list]").dataset.here;
  const answer = await fetch(`${form.getAttribute("action")}?only=talk&${here}`, { method: "POST", body }).catch(() => null);
  if (answer?.ok && new URL(answer.url).searchParams.get("only") === "talk") {
    const fresh = document.createElement("template");
    fresh.innerHTML = await answer.text();
    line.remove();
    showTicket(fresh.content);
    form.elements.idem.value = document.getElementById("p-timeline").dataset.form;
    form.elements.seen.value = document.getElementById("p-about").dataset.seen;
    return toEnd();
  }
  line.remove();
  box.value = box.value ? `${text}\n${box.value}` : text;
  box.dispatchEvent(new Event("input"));
  if (answer?.redirected) return location.reload(); // signed out
  // Refused, with a reason that wants to be read: as a page, with what was typed.
  if (answer && [409, 413, 422].includes(answer.status)) {
    form.dataset.sent = "1";
    return form.submit();
  }
  const word = form.querySelector(".draft");
  word.textContent = compose.dataset.unsent;
  word.classList.add("late");
}

function pending(text) {
  const line = document.createElement("li");
  line.className = "msg turn out mine";
  line.dataset.leaving = "";
  const words = document.createElement("div");
  words.className = "text";
  words.textContent = text;
  const state = document.createElement("p");
  state.className = "state secondary";
  state.textContent = compose.dataset.sending;
  line.append(words, state);
  document.getElementById("p-timeline").append(line);
  toEnd();
  return line;
}

function tell() {
  if (!box.value.trim() || performance.now() - toldAt < TELL_EVERY) return;
  toldAt = performance.now();
  const body = new FormData();
  body.set("csrf", form.elements.csrf.value);
  fetch(`/desk/tickets/${number}/typing`, { method: "POST", body }).catch(() => {}); // a nicety
}
