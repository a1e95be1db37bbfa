// Where paragraphs or sections stand in the place of sentences, what this script says of sentences is said of them.

const SAID_OF_SENTENCES = /“[^”]*”|[Ii]nter-sentence|\b([Ss])entence(s?)\b(?!:\d)/g;
const OF_THE_DOCUMENT = "bdi, code, script, style, [lang]:not(html, #text), .token";

function setUpUnits() {
  const main = document.querySelector("main");
  const level = main.dataset.level;
  if (!level) return;
  const inUnits = (text) => text.replace(SAID_OF_SENTENCES, (found, first, rest) => (first ? (first === "S" ? level[0].toUpperCase() + level.slice(1) : level) + rest : found));
  const say = (node) => {
    if (node.nodeType === Node.TEXT_NODE && !node.parentElement?.closest(OF_THE_DOCUMENT)) {
      const said = inUnits(node.data);
      if (said !== node.data) node.data = said;
    } else if (node.nodeType === Node.ELEMENT_NODE) {
      const label = node.getAttribute("aria-label");
      if (label && inUnits(label) !== label) node.setAttribute("aria-label", inUnits(label));
      node.childNodes.forEach(say);
    }
  };
  const observer = new MutationObserver((changes) => changes.forEach(({ target, addedNodes }) => (addedNodes.length ? addedNodes.forEach(say) : say(target))));
  document.querySelectorAll("main, dialog").forEach((part) => observer.observe(part, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ["aria-label"] }));
}
