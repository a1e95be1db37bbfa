// A scale in words and colour: a ramp, ticks where they fall, the unit, and whether it is logarithmic.

function drawLegend(container, { stops, ticks, unit, marks = [] }) {
  const ramp = make("div", { className: "ramp" });
  ramp.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
  const scale = make("div", { className: "ramp-ticks" });
  ticks.forEach(({ position, text }) => scale.append(placeAt(make("span", {}, text), position)));
  marks.forEach(({ position, text }) => ramp.append(placeAt(make("span", { className: "mark", title: text }), position)));
  container.replaceChildren(make("p", { className: "unit" }, unit), ramp, scale);
}

function placeAt(element, position) {
  element.style.left = `${100 * clamp(position, 0, 1)}%`;
  return element;
}

function drawMatrixLegend() {
  const option = document.querySelector(`#measure option[value="${state.measure}"]`);
  const where = { effect: "hidden in every layer", flow: "through all layers" }[state.measure] ?? nameView(state.view);
  const under = state.threshold ? `; blank: less than ${sayValue(shownMeasure(), thresholdValue())}` : "";
  drawLegend(document.getElementById("matrix-legend"), {
    stops: stopsFor(shownMeasure()),
    ticks: isAroundOne(shownMeasure()) ? listLiftTicks() : listDecades(),
    marks: state.threshold ? [{ position: state.threshold / THRESHOLDS, text: "threshold" }] : [],
    unit: `${state.chance ? `${option.textContent.trim()}, times the mean of sentences as far apart` : option.dataset.unit}; ${where}; logarithmic scale${under}`,
  });
}

function listLiftTicks() {
  return [-5, -2, 0, 2, 5].map((doublings) => ({
    position: 0.5 + doublings / (2 * LIFT_SPAN),
    text: { "-5": "≤ 1/32", 5: "≥ 32×" }[doublings] ?? (doublings < 0 ? `1/${2 ** -doublings}` : `${2 ** doublings}×`),
  }));
}

function listDecades() {
  const { low, high } = workspace.measures[state.measure];
  const decades = Math.round(Math.log10(high / low));
  return Array.from({ length: decades + 1 }, (_, step) => {
    const value = low * 10 ** step;
    const text = String(Number(((["isa", "effect", "flow"].includes(state.measure) ? 1 : 100) * value).toPrecision(1)));
    return { position: step / decades, text: step === 0 ? `≤ ${text}` : text };
  }).filter((_, step) => decades < 5 || step === 0 || (step > 1 && (decades - step) % 2 === 0));
}
