// Arcs in the margin of the text, from the chosen sentence to what it looks at (whole) and what looks at it (dashed).

function setUpArcs() {
  new ResizeObserver(drawArcs).observe(document.getElementById("text"));
}

function drawArcs() {
  const drawing = document.querySelector(".arcs");
  const bounds = drawing.getBoundingClientRect();
  if (state.sentence === null || bounds.width === 0) return drawing.replaceChildren();
  drawing.setAttribute("viewBox", `0 0 ${bounds.width} ${bounds.height}`);
  const linked = sentenceElements.filter((element) => element.matches(".source, .destination"));
  const heights = linked.map((element) => heightOf(element, bounds));
  const from = heightOf(sentenceElements[state.sentence], bounds);
  return drawing.replaceChildren(...linked.map((element, index) => arc(element, from, heights[index], bounds)));
}

function heightOf(element, bounds) {
  const first = element.getClientRects()[0];
  return first.top + first.height / 2 - bounds.top;
}

function arc(element, from, to, bounds) {
  const reach = clamp(6 + Math.abs(to - from) / 12, 8, bounds.width - 4);
  const edge = bounds.width - 2;
  return makeSvg("path", {
    class: element.classList.contains("source") ? "arc source" : "arc destination",
    d: `M${edge},${from}C${edge - 1.33 * reach},${from} ${edge - 1.33 * reach},${to} ${edge},${to}`,
    "stroke-width": (1 + 2 * Number(element.style.getPropertyValue("--strength"))).toFixed(2),
  });
}
