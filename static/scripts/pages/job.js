// A job or a chain with its results.
import "../compare.js";
import "../folds.js";
