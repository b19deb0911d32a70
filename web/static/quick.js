// Quick replies: a button, or `/` in an empty box, offers those for this ticket. One that is picked is text in the box; nothing is sent.
const form = document.querySelector("#compose form.reply");
const dialog = document.getElementById("quick-replies");
const number = document.querySelector("section.ticket")?.dataset.number;

export function offerQuickReplies() {
  if (!form || !dialog) return;
  const box = form.elements.text;
  const [input, shown, word] = dialog.children;
  const missing = document.getElementById("quick-missing");
  let offered = [];
  let found = [];
  let at = 0;

  const open = async () => {
    offered = [];
    input.value = "";
    fill();
    word.textContent = "…";
    dialog.showModal();
    input.focus();
    try {
      const answer = await fetch(`/desk/tickets/${number}/quick-replies`);
      if (!answer.ok) throw new Error(answer.status);
      offered = await answer.json();
    } catch {
      // Said below as if there were none; the button without the script says more.
    }
    word.textContent = offered.length ? "" : dialog.dataset.none;
    fill();
  };
  const fill = () => {
    const asked = input.value.trim().toLowerCase();
    found = offered.filter((one) => `${one.name}\n${one.text}`.toLowerCase().includes(asked));
    shown.replaceChildren(...found.map(line));
    choose(0);
  };
  const line = (one, n) => {
    const item = document.createElement("li");
    item.id = `quick-${n}`;
    item.setAttribute("role", "option");
    const name = Object.assign(document.createElement("span"), { className: "strong", textContent: one.name });
    const text = Object.assign(document.createElement("span"), { className: "text secondary small", textContent: one.text, lang: one.language });
    item.append(name, text);
    if (one.missing.length) item.append(Object.assign(document.createElement("span"), { className: "late small", textContent: lacks(one) }));
    item.onclick = () => put(one);
    return item;
  };
  const choose = (n) => {
    at = found.length ? (n + found.length) % found.length : 0;
    [...shown.children].forEach((one, place) => one.setAttribute("aria-selected", String(place === at)));
    shown.children[at]?.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", shown.children[at]?.id ?? "");
  };
  const lacks = (one) => missing.dataset.words.replace("{places}", one.missing.join(", "));
  const put = (one) => {
    dialog.close();
    insert(one.text);
    missing.textContent = one.missing.length ? lacks(one) : "";
  };
  const insert = (text) => {
    box.focus();
    box.setRangeText(text, box.selectionStart, box.selectionEnd, "end");
    box.dispatchEvent(new Event("input")); // it is kept as a draft
  };

  form.querySelector("[data-quick]").addEventListener("click", (event) => {
    event.preventDefault();
    open();
  });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "/" || box.value || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    event.preventDefault();
    open();
  });
  box.addEventListener("input", () => {
    if (!box.value) missing.textContent = "";
  });
  input.addEventListener("input", fill);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(at + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (found[at]) put(found[at]);
    } else if (event.key === "/" && !input.value) {
      event.preventDefault(); // twice: the sign itself was meant
      dialog.close();
      insert("/");
    }
  });
}
