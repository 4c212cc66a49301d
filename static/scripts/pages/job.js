// A job or a chain with its results.
import "../calm.js";
import "../compare.js";
import "../folds.js";
