// Ctrl+K: every view and every verb of the page that is shown, by a few letters; a ticket number goes there.
import { openMenu, write } from "./menus.js";

const NUMBER = /^\d{2}-?\d{1,6}$/;

export function offerCommands() {
  const dialog = document.getElementById("palette");
  const input = dialog.querySelector("input");
  const shown = dialog.querySelector("ul");
  let commands = [];
  let at = 0;

  const open = () => {
    commands = collect();
    input.value = "";
    fill();
    dialog.showModal();
    input.focus();
  };
  const fill = () => {
    const asked = input.value.trim().toLowerCase();
    at = 0;
    const found = commands.filter((one) => one.name.toLowerCase().includes(asked)).slice(0, 12);
    if (NUMBER.test(asked)) found.unshift(toTicket(asked));
    shown.replaceChildren(...found.map((one, n) => line(one, asked, n)));
    input.setAttribute("aria-activedescendant", found.length ? "command-0" : "");
  };
  const line = (command, asked, n) => {
    const item = document.createElement("li");
    item.id = `command-${n}`;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", String(n === 0));
    const from = command.name.toLowerCase().indexOf(asked);
    const name = document.createElement("span");
    if (asked && from >= 0) {
      const mark = document.createElement("mark");
      mark.textContent = command.name.slice(from, from + asked.length);
      name.append(command.name.slice(0, from), mark, command.name.slice(from + asked.length));
    } else {
      name.textContent = command.name;
    }
    item.append(name);
    if (command.key) item.append(Object.assign(document.createElement("kbd"), { textContent: command.key }));
    item.onclick = () => run(command);
    item.command = command;
    return item;
  };
  const run = (command) => {
    dialog.close();
    command.run();
  };

  for (const button of document.querySelectorAll("[data-palette]")) {
    button.hidden = false;
    button.onclick = open;
  }
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "k" && event.ctrlKey && !event.altKey && !event.shiftKey) {
      event.preventDefault();
      if (!dialog.open) open();
    }
  });
  input.addEventListener("input", fill);
  input.addEventListener("keydown", (event) => {
    const lines = [...shown.children];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      at = (at + (event.key === "ArrowDown" ? 1 : lines.length - 1)) % (lines.length || 1);
      lines.forEach((one, n) => one.setAttribute("aria-selected", String(n === at)));
      lines[at]?.scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", lines[at]?.id ?? "");
    } else if (event.key === "Enter" && lines[at]) {
      event.preventDefault();
      run(lines[at].command);
    }
  });
}

function toTicket(asked) {
  const [year, rest] = asked.includes("-") ? asked.split("-") : [asked.slice(0, 2), asked.slice(2)];
  const number = `${year}-${rest.padStart(6, "0")}`;
  return { name: number, run: () => (location.href = `/desk/tickets/${number}`) };
}

// The page's own controls are the commands: what is not allowed has none, and so is not offered.
function collect() {
  const word = (one) => one.textContent.replace(/\s+/g, " ").trim();
  const verbs = [...document.querySelectorAll("#p-acts button[data-verb]")].map((one) => ({ name: word(one), run: () => one.click(), key: one.dataset.verb === "take" ? "i" : "" }));
  const keys = { assign: "a", qualify: "q", resolve: "s", workaround: "w", escalate: "e" };
  const menus = [...document.querySelectorAll("#p-acts details.menu:not(.more)")].map((one) => ({
    name: word(one.querySelector("summary")),
    key: keys[one.dataset.menu] ?? "",
    run: () => openMenu(one.dataset.menu),
  }));
  const boxes = ["reply", "note"].filter((kind) => document.getElementById(`${kind}-text`)).map((kind) => ({
    name: word(document.querySelector(`label[for="compose-${kind}"]`)).replace(/ [rn]$/, ""),
    key: kind[0],
    run: () => write(kind),
  }));
  const views = [...document.querySelectorAll("nav.side a")].map((one) => ({
    name: word(one.querySelector(".cut")),
    run: () => one.click(),
  }));
  return [...boxes, ...verbs, ...menus, ...views];
}
