// Somebody is called to a chat that nobody takes: said at once, with a sound unless it is muted, and once.
const KEPT = 50; // calls remembered of this browser's session
const TONES = [880, 660]; // Hz
const TONE = 0.18; // seconds

const told = () => JSON.parse(sessionStorage.getItem("paged") ?? "[]");
const muted = () => localStorage.getItem("paged-muted") === "yes";

export function callOut(place) {
  for (const box of place.querySelectorAll("[data-mute]")) {
    box.checked = muted();
    box.closest("label").hidden = false;
    box.addEventListener("change", () => localStorage.setItem("paged-muted", box.checked ? "yes" : "no"));
  }
  const known = told();
  const fresh = [...place.querySelectorAll("[data-page]")].filter((one) => !known.includes(one.dataset.page));
  if (!fresh.length) return;
  sessionStorage.setItem("paged", JSON.stringify([...fresh.map((one) => one.dataset.page), ...known].slice(0, KEPT)));
  const words = fresh.map((one) => `${one.querySelector(".state .strong").textContent}: ${one.querySelector("h2").textContent}`);
  document.getElementById("alarm").textContent = words.join(". ").replace(/\s+/g, " ").trim();
  if (!muted() && navigator.userActivation?.hasBeenActive) ring();
}

function ring() {
  const sound = new AudioContext();
  const volume = new GainNode(sound, { gain: 0.15 });
  volume.connect(sound.destination);
  TONES.forEach((frequency, at) => {
    const tone = new OscillatorNode(sound, { frequency });
    tone.connect(volume);
    tone.start(sound.currentTime + at * TONE);
    tone.stop(sound.currentTime + (at + 1) * TONE);
    if (at === TONES.length - 1) tone.addEventListener("ended", () => sound.close());
  });
}
