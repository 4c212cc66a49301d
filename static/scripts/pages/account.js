// On a phone the account's sections lie in a row that scrolls: the one that is open is to be seen.
const row = document.querySelector(".side-tabs");
const here = row?.querySelector("[aria-current]");
if (row && here instanceof HTMLElement) row.scrollLeft = here.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
