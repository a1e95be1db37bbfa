// The neuron view of one link: query, key and their product by dimension, in one head.

function neuronFigure(link) {
  const [query, key] = link.vectors;
  const products = query.map((value, dimension) => value * key[dimension]);
  const rows = [["query", query], ["key", key], ["product", products]];
  const chosen = products.reduce((best, value, dimension) => (value > products[best] ? dimension : best), 0);
  const figure = make("figure", { className: "neurons" }, make("p", { className: "said" }, ...sayHead(link)), make("p", {}, sayScore(link, products)));
  const bars = rows.map(([name, values]) => neuronBars(name, values));
  const picture = make("div", { className: "neuron-rows" }, ...bars.flatMap(({ label, drawing }) => [label, drawing]));
  const output = make("output", { htmlFor: "dimension" });
  const slider = make("input", { type: "range", id: "dimension", min: 0, max: products.length - 1, value: chosen });
  const show = () => showDimension(Number(slider.value), rows, bars, output, slider);
  slider.addEventListener("input", show);
  picture.addEventListener("pointermove", (event) => pointAtDimension(event, slider, show));
  picture.addEventListener("click", (event) => pointAtDimension(event, slider, show));
  const control = make("p", { className: "dimension-control" }, make("label", { htmlFor: "dimension" }, "Dimension"), slider, output);
  figure.append(picture, control, neuronTable(rows));
  show();
  return figure;
}

function sayHead(link) {
  const names = [link.query, link.key].map((token) => make("bdi", {}, nameToken(token)));
  const weight = Number.isNaN(link.weight) ? "" : `: ${significant(link.weight, 2)}`;
  return [`Behind this link stands head ${nameOfHead(link)}: of all heads and tokens it gives the greatest single weight, to `, names[1], " at ", names[0], weight, "."];
}

function sayScore(link, products) {
  const sizes = [...products].filter((value) => !Number.isNaN(value)).map(Math.abs).sort((a, b) => b - a);
  const half = sizes.reduce((sum, size) => sum + size, 0) / 2;
  let count = 0;
  for (let sum = 0; sum < half; count++) sum += sizes[count];
  const softmax = Number.isNaN(link.weight) ? "" : `, of which softmax, over the scores of all that the token can see, makes the weight ${significant(link.weight, 2)}`;
  return `The head makes ${sizes.length} numbers of the looking token, its query, and ${sizes.length} of the token looked at, its key. Multiplied one by one they add up to `
    + `the score ${significant(link.score)}${softmax}. ${count} of the ${sizes.length} products make up half of all that is added and taken away.`;
}

// Bars upwards for what is positive, downwards for what is negative, the greatest as high as the row.
function neuronBars(name, values) {
  const most = Math.max(...[...values].filter((value) => !Number.isNaN(value)).map(Math.abs), 1e-12);
  const drawing = makeSvg("svg", { viewBox: `0 0 ${values.length} 2`, preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" });
  drawing.append(makeSvg("rect", { class: "at", y: 0, width: 1, height: 2 }), makeSvg("rect", { class: "zero", x: 0, y: 0.985, width: values.length, height: 0.03 }));
  values.forEach((value, dimension) => {
    if (Number.isNaN(value)) return;
    const height = Math.abs(value) / most;
    const fill = css(mix(aroundOne(), 0.5 + (0.25 + 0.25 * height) * Math.sign(value)));
    drawing.append(makeSvg("rect", { x: dimension + 0.1, width: 0.8, y: value > 0 ? 1 - height : 1, height, fill }));
  });
  const label = make("p", { className: "neuron-label" }, name, make("small", {}, ` to ±${significant(most, 2)}`));
  return { label, drawing };
}

function pointAtDimension(event, slider, show) {
  const drawing = event.target.closest("svg");
  if (!drawing) return;
  const { left, width } = drawing.getBoundingClientRect();
  slider.value = Math.floor((Number(slider.max) + 1) * ((event.clientX - left) / width));
  show();
}

function showDimension(dimension, rows, bars, output, slider) {
  const [query, key, product] = rows.map(([, values]) => (Number.isNaN(values[dimension]) ? "none" : significant(values[dimension])));
  output.textContent = `${dimension}: query ${query} × key ${key} = ${product}`;
  slider.setAttribute("aria-valuetext", output.textContent);
  bars.forEach(({ drawing }) => drawing.querySelector(".at").setAttribute("x", dimension));
}

// Behind a disclosure, and made when that is opened for the first time.
function neuronTable(rows) {
  const details = make("details", {}, make("summary", {}, "The numbers, dimension by dimension"));
  details.addEventListener("toggle", () => {
    if (details.querySelector("table")) return;
    const table = make("table", { className: "sortable" }, make("thead", {}, make("tr", {}, ...["dimension", ...rows.map(([name]) => name)].map(numberHeading))),
      make("tbody", {}, ...[...rows[0][1].keys()].map((dimension) => dimensionRow(dimension, rows))));
    setUpTable(table);
    const region = make("div", { className: "scroll tall", tabIndex: 0, role: "region" }, table);
    region.setAttribute("aria-label", "Query, key and product by dimension");
    details.append(region, make("p", { className: "hint" }, roundingOfVectors()));
  });
  return details;
}

function numberHeading(words) {
  const heading = make("th", { scope: "col", className: "figure" }, words);
  heading.dataset.sorts = "number";
  return heading;
}

function dimensionRow(dimension, rows) {
  return make("tr", {}, make("td", { className: "figure" }, String(dimension)), ...rows.map(([, values]) => make("td", { className: "figure" }, significant(values[dimension]))));
}

function roundingOfVectors() {
  return `Queries and keys are rounded to steps of ${percent(1 / 127)} of the greatest number of each; the score and the weight are not. The query is already scaled, and both are as `
    + "they are after rotary positions. Where the model has a soft cap or a position bias, the score goes through these before softmax.";
}
