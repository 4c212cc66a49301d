// Menus are `<details class="menu">`, so they open without a script. With one they close again: on a press elsewhere, on
// Escape (the focus goes back), when the focus leaves, and when another opens. Near the window's end they open
// upwards, and none goes over its edge.
import { allOf, targetOf } from "./lib/elements.js";

const GAP_PX = 8; // from the window's edge

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
    const box = /** @type {HTMLElement} */ (menu.querySelector(":scope > div"));
    box.style.translate = "none";
    const { bottom, height, left } = box.getBoundingClientRect();
    menu.classList.toggle("up", bottom > innerHeight && menu.getBoundingClientRect().top > height);
    if (left < GAP_PX) box.style.translate = `${GAP_PX - left}px`;
  },
  true,
);
