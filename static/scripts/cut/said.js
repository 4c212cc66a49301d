// What is wrong, in the server's words where it has any.
import { problemOf } from "../lib/requests.js";

const UNPLANNED = "The plan could not be made just now. Try again in a moment.";

export const said = (response) => problemOf(response, UNPLANNED);
