// The desk, made lively. Every page works without this; nothing here decides anything.
import { followCalls, look } from "./calls.js";
import { chat } from "./chat.js";
import { keepDrafts } from "./drafts.js";
import { listenForKeys } from "./keys.js";
import { listenForChanges, toEnd } from "./live.js";
import { closeMenus, closeOthers, write } from "./menus.js";
import { offerCommands } from "./palette.js";
import { offerQuickReplies } from "./quick.js";

document.addEventListener("click", (event) => {
  closeMenus(event.target);
  // Who points at "Reply" wants to write. With keys the box is one step further: arrows choose between the two first.
  const tab = event.target.closest("label.tab");
  if (tab) {
    event.preventDefault();
    write(tab.htmlFor.replace("compose-", ""));
  }
});
document.addEventListener("toggle", (event) => event.target.matches?.("details.menu[open]") && closeOthers(event.target), true);
document.addEventListener("change", (event) => {
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
  if (event.target.method === "post") event.target.dataset.sent = "1";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// The last thing that was said is what one comes to read; where something went wrong, that.
const said = document.querySelector(".said");
const wrong = document.getElementById("wrong");
if (wrong) wrong.scrollIntoView({ block: "center" });
else if (said && !location.hash) said.scrollTop = said.scrollHeight;
if (!wrong && !location.hash && document.querySelector("#compose[data-chat]")) toEnd(); // where the page scrolls, too
document.querySelector(".row.current")?.scrollIntoView({ block: "nearest" });
const side = document.querySelector(".side");
const here = side?.querySelector("[aria-current]");
if (here && side.scrollWidth > side.clientWidth) side.scrollLeft = here.offsetLeft - 16;

// Of many customers those whose name has what is typed; who is chosen stays in sight.
for (const filter of document.querySelectorAll("[data-filter]")) {
  filter.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    for (const one of filter.closest("[data-pick]").querySelectorAll(":scope > ul > li"))
      one.hidden = !one.textContent.toLowerCase().includes(wanted) && !one.querySelector(":checked");
  });
}

followCalls();
keepDrafts();
chat();
listenForChanges(look);
listenForKeys();
offerCommands();
offerQuickReplies();
