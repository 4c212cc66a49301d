// The operators' page.
import { follow } from "../lib/told.js";

follow("operators", "operators-state");
