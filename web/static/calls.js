// Who rings, while a page is open: told by the live stream, shown without taking the focus, said once.
import { fetched, refreshBoard } from "./live.js";
import { callOut } from "./paged.js";

const GATHER = 150; // ms: what changes within this time is fetched together
const SECOND = 1000;
const LAPSES = 10 * SECOND; // what rings too long ends without anybody saying so

const place = document.getElementById("calls");
// Somebody who waits, who then rings for me, and with whom I speak at last, is said each time.
const stage = (one) => `${one.dataset.call} ${one.dataset.phase ?? ""}`;
const known = new Set([...place.querySelectorAll("[data-call]")].map(stage));
let timer = 0;

export function followCalls() {
  callOut(place);
  setInterval(tick, SECOND);
  setInterval(() => document.visibilityState === "visible" && place.querySelector("[data-call]") && look(), LAPSES);
  addEventListener("focusout", () => place.dataset.late && look());
}

export function look() {
  timer ||= setTimeout(refresh, GATHER);
}

async function refresh() {
  timer = 0;
  const back = encodeURIComponent(location.pathname + location.search);
  const fresh = await fetched(`${place.dataset.now}?back=${back}`);
  if (!fresh) return;
  // Whoever fills in a form here keeps it; a call that went on meanwhile is shown when they leave it.
  const held = place.contains(document.activeElement) && document.activeElement.matches("input, select, textarea, button, summary");
  const open = place.querySelector("details.fresh[open]");
  const folded = place.querySelector(".rings > details:not([open])");
  const [before, now] = [place, fresh].map((one) => one.querySelector(".rings")?.dataset);
  if ((held || open) && before && now && before.call === now.call && before.phase === now.phase) place.dataset.late = "1";
  else {
    delete place.dataset.late;
    announce(fresh);
    // What somebody folded stays so while the same call goes on.
    if (folded && before?.call === now?.call && before?.phase === now?.phase) fresh.querySelector(".rings > details").open = false;
    place.replaceChildren(...fresh.childNodes);
    callOut(place);
  }
  await refreshBoard();
}

function announce(fresh) {
  for (const one of fresh.querySelectorAll("[data-call]")) {
    if (known.has(stage(one))) continue;
    known.add(stage(one));
    const words = [one.querySelector(".state .strong"), one.matches("[data-say]") ? one : one.querySelector("[data-say]")];
    document.getElementById("said").textContent = words.map((word) => word?.textContent.trim()).filter(Boolean).join(": ");
  }
}

function tick() {
  for (const one of document.querySelectorAll("[data-since]")) {
    const whole = Math.max(0, Math.round((Date.now() - Date.parse(one.dataset.since)) / SECOND));
    const [hours, minutes, seconds] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    const two = (number) => String(number).padStart(2, "0");
    one.textContent = hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
  }
}
