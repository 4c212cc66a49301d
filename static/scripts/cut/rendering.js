// Sends the cut to be rendered, as it is shown.
import { post } from "../lib/requests.js";
import { said } from "./said.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)");

export function renderFrom(desk, { video, jobs }) {
  const { cut, board, plan } = desk;
  const tell = (words, look = "soft") => board.say(words, look, desk.by("sent"));

  desk.form.addEventListener("submit", async (event) => {
    if (desk.element.dataset.state !== "ready") return; // without a plan the form does what it does without script
    event.preventDefault();
    cut.sending = true;
    desk.show();
    try {
      if (!cut.exact) tell("Fitting the cuts to frames.");
      for (let waited = null; !cut.exact && waited !== plan.answered; ) {
        waited = plan.answered;
        await waited;
      }
      if (cut.problem && !cut.byHand) return tell("");
      const response = await post(jobs, { video, operation: "silence-cut", params: cut.params });
      if (!response.ok) return tell(await said(response), "bad");
      tell("Started. It moves among the versions above.");
      cut.unsaved = false;
      document.getElementById("jobs").scrollIntoView({ block: "nearest", behavior: calm.matches ? "auto" : "smooth" });
    } catch {
      tell("The server did not answer. Try again in a moment.", "bad");
    } finally {
      cut.sending = false;
      desk.show();
      if (document.activeElement === document.body) desk.by("render").focus({ preventScroll: true }); // it was off meanwhile
    }
  });
}
