// Several recordings that were chosen: of the kinds of work only the settings of the chosen one are shown.
import "../forms.js";
import { targetOf } from "../lib/elements.js";

// Enter in the name of a preset saves that; elsewhere it starts the work.
addEventListener("keydown", (event) => {
  const field = targetOf(event);
  if (event.key !== "Enter" || event.isComposing || !field.matches?.("[data-keeps]")) return;
  event.preventDefault();
  field.parentElement.querySelector("button").click();
});
