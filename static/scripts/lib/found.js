// Where words are found in what is shown, marked without touching it.

/**
 * @param {Element} place
 * @param {string} wanted in lower case; "" is nowhere
 * @returns {Range[]} over as many pieces of text as it is in
 */
export function places(place, wanted) {
  const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
  const texts = [];
  for (let at = 0; walker.nextNode(); at += walker.currentNode.nodeValue.length)
    texts.push({ node: walker.currentNode, at });
  const whole = texts.map(({ node }) => node.nodeValue.toLocaleLowerCase()).join("");
  const found = [];
  for (let at = wanted ? whole.indexOf(wanted) : -1; at >= 0; at = whole.indexOf(wanted, at + wanted.length)) {
    const range = document.createRange();
    const first = texts.findLast((one) => one.at <= at);
    const last = texts.findLast((one) => one.at < at + wanted.length);
    range.setStart(first.node, Math.min(at - first.at, first.node.nodeValue.length));
    range.setEnd(last.node, Math.min(at + wanted.length - last.at, last.node.nodeValue.length));
    found.push(range);
  }
  return found;
}

/** Mark these and no others, where the browser can. @param {Range[]} ranges */
export function light(ranges) {
  if (globalThis.CSS?.highlights) CSS.highlights.set("found", new Highlight(...ranges));
}
