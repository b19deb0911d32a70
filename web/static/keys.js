// The keyboard map. Single letters are off while somebody types, with Alt or Meta, and while an IME composes.
import { leaveMenu, openMenu, write } from "./menus.js";

const BACK = "a.back, a[data-back]";
const WAIT_FOR_SECOND = 1200; // ms after `g`

const click = (selector) => {
  const found = document.querySelector(selector);
  found?.click();
  return Boolean(found);
};
const focus = (selector) => {
  const found = document.querySelector(selector);
  found?.focus();
  return Boolean(found);
};

// What lists are made of, and what opens a line of them.
const LINES = ".rows .row, .items > .item, .tasks > .task, .alarms > .alarm";
const OPENS = ["a.open", "h2 a", "a.what", "a, button"];
const opener = (line) => OPENS.map((one) => line.querySelector(one)).find(Boolean);

function openLine() {
  const line = document.activeElement.closest(LINES);
  const found = line && opener(line);
  if (found?.href) found.click();
  return Boolean(found?.href);
}

// In a list the lines, on a ticket the lines beside it when there are any, else the messages.
function step(by) {
  const rows = [...document.querySelectorAll(LINES)].filter((row) => row.offsetParent);
  if (rows.length) {
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const from = at >= 0 ? at : rows.findIndex((row) => row.classList.contains("current"));
    const next = rows[Math.min(Math.max(from + by, 0), rows.length - 1)];
    opener(next)?.focus();
    next.scrollIntoView({ block: "nearest" });
    return true;
  }
  const messages = [...document.querySelectorAll("#p-timeline > .msg")];
  const at = messages.findIndex((one) => one === document.activeElement);
  const next = messages[at < 0 ? messages.length - 1 : Math.min(Math.max(at + by, 0), messages.length - 1)];
  next?.setAttribute("tabindex", "-1");
  next?.focus();
  return Boolean(next);
}

const go = (address) => () => {
  location.href = address;
  return true;
};

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  o: openLine,
  u: () => click(BACK),
  "/": () => {
    document.getElementById("search").focus();
    return true;
  },
  ".": () => click(".rows .row.unread:not(.current) a.open"),
  "?": () => {
    document.getElementById("keys").showModal();
    return true;
  },
  r: () => write("reply"),
  n: () => write("note"),
  i: () => click('button[data-verb="take"]'),
  a: () => openMenu("assign"),
  q: () => openMenu("qualify"),
  p: () => openMenu("qualify"),
  w: () => openMenu("workaround"),
  e: () => openMenu("escalate"),
  // Closing sends the report: the key goes to the button, and Enter presses it.
  s: () => openMenu("resolve") || focus('button[data-verb="close"]') || openMenu("reopen"),
};
const AFTER_G = { i: go("/desk/"), m: go("/desk/?view=mine"), u: go("/desk/?view=unassigned"), c: go("/desk/?view=chats") };

export function listenForKeys() {
  let waiting = -Infinity; // since when a second key is waited for
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey || event.metaKey) return;
    const typing = event.target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]");
    if (event.key === "Enter" && event.ctrlKey && event.target.form) {
      event.preventDefault();
      const form = event.target.form;
      const wait = event.shiftKey && form.querySelector("[data-send-wait]");
      form.requestSubmit(wait || undefined);
      return;
    }
    if (event.key === "Escape") return escape(event, typing);
    if (typing || event.ctrlKey || document.querySelector("dialog[open]")) return;
    const second = performance.now() - waiting < WAIT_FOR_SECOND;
    waiting = -Infinity;
    if (second && AFTER_G[event.key]) {
      event.preventDefault();
      AFTER_G[event.key]();
    } else if (event.key === "g") {
      waiting = performance.now();
    } else if (KEYS[event.key]?.()) {
      event.preventDefault();
    }
  });
}

function escape(event, typing) {
  if (document.querySelector("dialog[open]") || leaveMenu()) return;
  if (typing) event.target.blur();
  else click(BACK);
}
