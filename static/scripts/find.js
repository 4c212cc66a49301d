// The form that finds recordings: what says nothing stays out of the address, and another order shows at once.
import { targetOf } from "./lib/elements.js";

addEventListener("formdata", (event) => {
  if (!targetOf(event).matches("[data-lean]")) return;
  for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
});
addEventListener("change", (event) => {
  const target = targetOf(event);
  if (target instanceof HTMLSelectElement && target.dataset.submits !== undefined) target.form.requestSubmit();
});
