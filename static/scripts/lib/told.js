// A part of a page that asks for itself: whenever the socket, or the answer that stands in for it, names another state
// than the part shows, it is asked for, until it shows the one named last.
import { allOf, byId } from "./elements.js";
import { htmx, on } from "./htmx.js";
import { view } from "./requests.js";

// `id` is that of the part, whose data-from says where it comes from, `told` that of what names the state.
export function follow(id, told, pauseMs = 2000) {
  const part = () => byId(id, HTMLElement);
  let wanted = part().dataset.state;
  let waiting = false;

  on("htmx:oobBeforeSwap", ({ detail: { target, fragment } }) => {
    if (target.id !== told) return;
    wanted = fragment.firstElementChild.dataset.state;
    ask();
  });

  async function ask() {
    if (waiting || part().dataset.state === wanted) return;
    waiting = true;
    const before = part();
    await htmx
      .ajax("get", `${before.dataset.from}?${view()}`, { source: document.body, target: `#${id}`, swap: "outerHTML" })
      .catch(() => {});
    setTimeout(() => {
      waiting = false;
      if (part() !== before) ask(); // else it waits for another word of the state: the server may be away
    }, pauseMs);
  }

  // What was unfolded stays so.
  const folds = () => allOf(part(), "details[id]", HTMLDetailsElement);
  let open = [];
  on("htmx:beforeSwap", ({ detail: { target } }) => {
    if (target.id === id) open = folds().filter((fold) => fold.open);
  });
  on("htmx:afterSwap", () => {
    for (const { id: name } of open.splice(0)) document.getElementById(name)?.setAttribute("open", "");
  });
}
