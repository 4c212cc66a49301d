// Keeps the library true.
import { follow } from "./lib/told.js";

follow("grid", "shelf-state");
