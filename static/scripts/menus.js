// Menus are `<details class="menu">`, so they open without a script. With one they close again: on a press elsewhere, on
// Escape (the focus goes back), when the focus leaves, and when another opens. Near the window's end they open upwards.
import { allOf, targetOf } from "./lib/elements.js";

const open = () => allOf(document, "details.menu[open]", HTMLDetailsElement);

function closeAllBut(kept) {
  for (const menu of open()) if (menu !== kept) menu.open = false;
}

addEventListener("click", (event) => closeAllBut(targetOf(event).closest("details.menu")));
addEventListener("focusin", (event) => closeAllBut(targetOf(event).closest("details.menu")));
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = open()[0];
  if (!menu) return;
  event.preventDefault();
  menu.open = false;
  menu.querySelector("summary").focus();
});
addEventListener(
  "toggle",
  (event) => {
    const menu = /** @type {HTMLDetailsElement} */ (event.target);
    if (!menu.matches?.("details.menu")) return;
    menu.classList.remove("up");
    if (!menu.open) return;
    closeAllBut(menu);
    const { bottom, height } = menu.querySelector(":scope > div").getBoundingClientRect();
    menu.classList.toggle("up", bottom > innerHeight && menu.getBoundingClientRect().top > height);
  },
  true,
);
