// Figures over time. They move slowly, and those of everybody take the server some time.
import { follow } from "../lib/told.js";

follow("stats", "stats-state", 5000);
