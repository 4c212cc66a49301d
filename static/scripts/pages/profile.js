// The time zone of this browser, offered where the account has another.
import { byId } from "../lib/elements.js";

const zone = byId("id_time_zone", HTMLSelectElement);
const offer = byId("browser-zone", HTMLButtonElement);
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;

function show() {
  const known = [...zone.options].some((option) => option.value === here);
  offer.hidden = !known || (zone.value || offer.dataset.site) === here;
}

offer.textContent = `Use ${here}, as this browser`;
offer.addEventListener("click", () => {
  zone.value = here;
  show();
  zone.focus();
});
zone.addEventListener("change", show);
show();
