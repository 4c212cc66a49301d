// A recording that comes from an address: how far it is, and then the recording.
import { on } from "../lib/htmx.js";
import { follow } from "../lib/told.js";

follow("importing", "imports-state");
// Once it is here, its page is another one.
on("htmx:beforeSwap", (event) => {
  if (event.detail.serverResponse.includes('id="importing"')) return;
  event.detail.shouldSwap = false;
  location.reload();
});
