// One job with its results.
import "../compare.js";
