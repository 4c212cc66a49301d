// Shows of a form what matters: the settings of work that is ticked, and fields that depend on another one's value.
(() => {
  "use strict";

  function refresh() {
    for (const pick of document.querySelectorAll("[data-opens]")) {
      const settings = document.getElementById(pick.dataset.opens);
      if (settings) settings.hidden = !pick.checked;
    }
    for (const field of document.querySelectorAll("[data-when]:not(input, select, textarea)")) {
      const [name, value] = field.dataset.when.split("=");
      const full = field.dataset.prefix ? `${field.dataset.prefix}-${name}` : name;
      const others = [...field.closest("form").querySelectorAll(`[name="${full}"]`)];
      const chosen = others.length > 1 || others[0]?.type === "checkbox" ? others.filter((one) => one.checked) : others;
      field.hidden = !chosen.some((one) => value.split("|").includes(one.value));
    }
  }

  addEventListener("input", refresh);
  addEventListener("pageshow", refresh);
  refresh();
})();
