// A recording: its player, its transcript, the cut plan, and forms for all other work.
import "../forms.js";
import "../player.js";
import "../preview.js";
import "../scrub.js";
import "../transcript.js";
import { openDesk } from "../cut/desk.js";

const place = document.getElementById("cut");
if (place) openDesk(place);
