// What did the server say last about each part of the page? Parts that say the same are left alone: their focus, their
// scroll and what somebody unfolded stay.
const said = new WeakMap();

export function remember(parts) {
  for (const part of parts) said.set(part, part.outerHTML);
}

// Whether `fresh` says something else than what `old` was made from. What scripts and readers did to `old` does not count.
export const differs = (old, fresh) => said.get(old) !== fresh.outerHTML;

// Put `fresh` in the place of `old`; what was unfolded stays so, and so does the focus where its element has a name.
export function swap(old, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  said.set(fresh, fresh.outerHTML);
  const unfolded = new Map([...old.querySelectorAll("details")].map((one) => [name(one), one.open]));
  for (const one of fresh.querySelectorAll("details")) one.open = unfolded.get(name(one)) ?? one.open;
  old.replaceWith(fresh);
  if (focused) same(focused, fresh)?.focus({ preventScroll: true });
}

// Make the children of `list` those of `fresh`, by id and in their order. Returns what came and what changed.
export function follow(list, fresh) {
  const shown = new Map([...list.children].map((one) => [one.id, one]));
  const came = [];
  const changed = [];
  let before = null;
  for (const one of [...fresh.children]) {
    let here = shown.get(one.id);
    shown.delete(one.id);
    if (!here) {
      here = one;
      said.set(here, here.outerHTML);
      came.push(here);
    } else if (differs(here, one)) {
      swap(here, one);
      here = one;
      changed.push(here);
    }
    const place = before ? before.nextElementSibling : list.firstElementChild;
    if (place !== here) list.insertBefore(here, place);
    before = here;
  }
  for (const gone of shown.values()) gone.remove();
  return { came, changed };
}

// What tells a <details> from others: its menu, its place in a line of the conversation, else its words.
function name(details) {
  if (details.dataset.menu) return details.dataset.menu;
  const line = details.closest("li[id]");
  return line ? `${line.id} ${[...line.querySelectorAll("details")].indexOf(details)}` : details.querySelector("summary")?.textContent;
}

function same(element, fresh) {
  if (element.id) return document.getElementById(element.id);
  if (element.matches("a[href]")) return fresh.querySelector(`a[href="${CSS.escape(element.getAttribute("href"))}"]`);
  const of = element.closest("details")?.dataset.menu;
  return of ? fresh.querySelector(`details[data-menu="${of}"] > summary`) : null;
}
