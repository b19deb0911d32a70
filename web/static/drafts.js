// Drafts are kept on the server a second after the last key: a closed browser loses nothing.
const QUIET = 1000; // ms

export function keepDrafts() {
  for (const form of document.querySelectorAll("#compose form[data-kind]")) {
    const box = form.elements.text;
    const word = form.querySelector(".draft");
    const compose = document.getElementById("compose");
    let timer = 0;
    let kept = box.value;
    const keep = async (final = false) => {
      clearTimeout(timer);
      if (box.value === kept || form.dataset.sent) return;
      const text = box.value;
      const body = new FormData();
      body.set("csrf", form.elements.csrf.value);
      body.set("kind", form.dataset.kind);
      body.set("idem", form.elements.idem.value); // what comes after the form was sent is no draft any more
      body.set("text", text);
      const number = document.querySelector("section.ticket").dataset.number;
      try {
        const answer = await fetch(`/desk/tickets/${number}/draft`, { method: "POST", body, keepalive: final });
        if (!answer.ok) throw new Error(answer.status);
        kept = text;
        word.textContent = text.trim() ? compose.dataset.kept : "";
        word.classList.remove("late");
      } catch {
        word.textContent = compose.dataset.failed;
        word.classList.add("late");
        timer = setTimeout(keep, 5000);
      }
    };
    box.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(keep, QUIET);
    });
    addEventListener("pagehide", () => keep(true));
  }
}
