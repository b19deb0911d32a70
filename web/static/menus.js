// What opens: menus, which are <details>, one at a time with those it is in; and the box one writes in.
const OPEN = "details.menu[open]";

// Somebody clicked `at`: menus around it stay.
export function closeMenus(at) {
  for (const menu of document.querySelectorAll(OPEN)) {
    if (!menu.contains(at)) menu.open = false;
  }
}

// `menu` was opened: the others close, but for those it is in and those in it.
export function closeOthers(menu) {
  for (const other of document.querySelectorAll(OPEN)) {
    if (!other.contains(menu) && !menu.contains(other)) other.open = false;
  }
}

// Open a menu by name, with what it is in, and go to its first field. False: there is none.
export function openMenu(name) {
  const menu = document.querySelector(`details[data-menu="${name}"]`);
  if (!menu) return false;
  for (let one = menu; one; one = one.parentElement.closest("details.menu")) one.open = true;
  (menu.querySelector("select, textarea, input:not([type=hidden])") ?? menu.querySelector(".menu-body :is(summary, button)"))?.focus();
  return true;
}

// Close the innermost open menu and go back to what opened it. False: none is open.
export function leaveMenu() {
  const menu = [...document.querySelectorAll(OPEN)].at(-1);
  if (!menu) return false;
  menu.open = false;
  menu.querySelector("summary").focus();
  return true;
}

// Turn to the box for a "reply" or a "note" and write. False: there is none.
export function write(kind) {
  const tab = document.getElementById(`compose-${kind}`);
  const box = document.getElementById(`${kind}-text`);
  if (!tab || !box) return false;
  tab.checked = true;
  tab.focus({ preventScroll: true }); // unfolds the box
  box.focus();
  return true;
}
