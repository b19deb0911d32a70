// The drawing of a call flow shows the chosen node, and may be moved by dragging.
const pane = document.querySelector(".flow-drawing");
const chosen = pane?.querySelector(".node.chosen");
if (chosen) {
  const box = chosen.getBoundingClientRect(), around = pane.getBoundingClientRect();
  pane.scrollLeft += box.x + box.width / 2 - around.x - around.width / 2;
  pane.scrollTop += box.y + box.height / 2 - around.y - around.height / 2;
}
let from = null;
pane?.addEventListener("pointerdown", (event) => {
  if (event.pointerType === "mouse" && event.button === 0 && !event.target.closest("a"))
    from = [event.clientX + pane.scrollLeft, event.clientY + pane.scrollTop];
});
addEventListener("pointermove", (event) => {
  if (from) [pane.scrollLeft, pane.scrollTop] = [from[0] - event.clientX, from[1] - event.clientY];
});
addEventListener("pointerup", () => (from = null));
