// Menus of what can be saved: under each chart and the matrix, and all together in a window of the bar.

function setUpExports() {
  const charts = [...document.querySelectorAll("[data-chart]")];
  charts.forEach((figure) => figure.append(disclose("Export this chart", ...chartButtons(figure))));
  document.querySelector(".exports-charts").replaceChildren(...charts.map((figure) => make("li", {}, make("span", {}, nameChart(figure)), ...chartButtons(figure))));
  document.querySelector(".exports-numbers").append(button("JSON", "numbers of this page", async () => saveJson(await gatherNumbers(), "numbers")));
}

// Once the matrix is there.
function setUpMatrixExports() {
  document.querySelector(".measure-notes").after(disclose("Export this matrix", ...matrixButtons()));
  document.querySelector(".exports-matrix").append(...matrixButtons());
  whenChanged(["measure", "view"], () => { document.querySelector(".exports-shown").textContent = nameShown(); });
}

function disclose(title, ...buttons) {
  return make("details", { className: "export" }, make("summary", {}, title), make("p", {}, ...buttons));
}

function button(kind, what, press) {
  const made = make("button", { type: "button" }, kind);
  made.setAttribute("aria-label", `${kind}: ${what}`);
  made.addEventListener("click", press);
  return made;
}

// A picture that could not be drawn leaves its numbers.
function chartButtons(figure) {
  const what = nameChart(figure);
  const drawn = figure.querySelector(".picture") ? [["SVG", saveChartSvg], ["PNG", saveChartPng]] : [];
  return [...drawn, ["CSV", saveChartCsv], ["Vega-Lite", saveChartSpec]].map(([kind, press]) => button(kind, what, () => press(figure)));
}

function matrixButtons() {
  return [button("PNG", "matrix as shown", saveMatrixPng), button("CSV", "matrix as shown", saveMatrixCsv)];
}

function nameChart(figure) {
  const section = figure.closest("section");
  const [, chart] = figure.dataset.chart.split(`${section.id}-`);
  return `${section.id} ${chart}`.replace(/[_-]/g, " ");
}
