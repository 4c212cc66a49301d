// Several recordings that were chosen: of the kinds of work only the settings of the chosen one are shown.
import "../forms.js";
