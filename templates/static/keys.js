// Keys of the whole page: never while the reader types, holds Ctrl, Alt or Meta, or has a dialog open.

const KEYS = {};

function setUpKeys() {
  document.addEventListener("keydown", (event) => {
    if (isForThePage(event) && Object.hasOwn(KEYS, event.key)) {
      event.preventDefault();
      KEYS[event.key](event);
    }
  });
}

// Boxes to tick and sliders take no text, but sliders and menus take letters.
function isForThePage(event) {
  if (event.defaultPrevented || event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return false;
  const typing = event.target.closest?.("input:not([type='checkbox']), select, textarea, [contenteditable]");
  return !typing && !document.querySelector("dialog[open]");
}
