// Swagger UI has a dark mode, but leaves it to the page when to use it.
const dark = matchMedia("(prefers-color-scheme: dark)");
const page = document.documentElement;
const follow = () =>
  page.classList.toggle("dark-mode", page.dataset.theme ? page.dataset.theme === "dark" : dark.matches);
dark.addEventListener("change", follow);
follow();
