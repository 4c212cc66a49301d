// What runs on pages for those who have not signed in.
import "../errors.js";
