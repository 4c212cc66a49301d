// A chain in the making.
import "../chain.js";
import "../forms.js";
