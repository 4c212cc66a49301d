// The library: uploads, and the shelf with its cards.
import "../cards.js";
import "../find.js";
import "../forms.js";
import "../loop.js";
import "../shelf.js";
import "../upload/form.js";
