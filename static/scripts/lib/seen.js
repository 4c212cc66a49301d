// What a page loads only once somebody sees what it is for.

/**
 * Once, when so much of an element is in view, or it is pointed at or has the focus.
 * @param {Element} place
 * @param {() => void} does
 * @param {IntersectionObserverInit} [options]
 */
export function whenSeen(place, does, options = {}) {
  const over = new AbortController();
  const once = () => {
    if (over.signal.aborted) return;
    over.abort();
    watch.disconnect();
    does();
  };
  const watch = new IntersectionObserver((entries) => entries.some((one) => one.isIntersecting) && once(), options);
  watch.observe(place);
  for (const name of ["pointerover", "focusin"]) place.addEventListener(name, once, { signal: over.signal });
}
