// The desk, made lively. Every page works without this; nothing here decides anything.
import { keepDrafts } from "./drafts.js";
import { listenForKeys } from "./keys.js";
import { listenForChanges } from "./live.js";
import { offerCommands } from "./palette.js";

for (const menu of document.querySelectorAll("details.menu")) menu.name = "menu";

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("change", (event) => {
  const to = { "compose-reply": "reply-text", "compose-note": "note-text" }[event.target.id];
  if (to) document.getElementById(to)?.focus();
  if (event.target.matches("input.file")) {
    const label = document.querySelector(`label[for="${event.target.id}"]`);
    label.dataset.word ??= label.lastChild.textContent;
    const count = event.target.files.length;
    label.lastChild.textContent = count ? `${label.dataset.word} (${count})` : label.dataset.word;
  }
});
document.addEventListener("submit", (event) => {
  // A double click sends one form; the server would make one message of two as well.
  if (event.target.dataset.sent) return event.preventDefault();
  event.target.dataset.sent = "1";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

const timeline = document.getElementById("p-timeline");
const talk = document.querySelector(".talk");
if (timeline && !location.hash) {
  const wrong = document.getElementById("wrong");
  if (wrong) wrong.scrollIntoView({ block: "center" });
  else if (talk.scrollHeight > talk.clientHeight) talk.scrollTop = talk.scrollHeight;
}
document.querySelector(".row.current")?.scrollIntoView({ block: "nearest" });

keepDrafts();
listenForChanges();
listenForKeys();
offerCommands();
