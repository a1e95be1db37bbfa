// The model view: a small matrix for each head, a row for each layer; one can be opened everywhere.

const modelView = { data: null, cells: [], seen: false, drawn: null };

function setUpModelView() {
  modelView.data = readData("head-matrices-data");
  const view = document.getElementById("model-view");
  if (!modelView.data || !view) return;
  view.append(headingRow(), ...Array.from({ length: workspace.layers }, (_, layer) => layerRow(layer)));
  view.style.setProperty("--heads", modelView.data.count);
  view.style.setProperty("--layers", workspace.layers);
  modelView.cells = [...view.querySelectorAll("[data-head]")];
  selectCell(modelView.cells, null);
  view.addEventListener("click", (event) => openCell(event.target.closest("[data-head]")));
  view.addEventListener("keydown", (event) => moveInHeads(event, modelView.cells, openCell));
  view.addEventListener("focusin", (event) => tellHead(event.target.closest("[data-head]")));
  view.addEventListener("pointerover", (event) => tellHead(event.target.closest("[data-head]")));
  new IntersectionObserver(([entry]) => { modelView.seen = entry.isIntersecting; drawModelView(); }, { rootMargin: "200px" }).observe(view);
  addEventListener("beforeprint", drawModelViewWhole);
  darkScheme.addEventListener("change", drawModelView);
  whenChanged(["measure", "content"], drawModelView);
  whenChanged(["view", "head"], markOpenHead);
}

function headingRow() {
  return rowOfCells(headingCell("layer", "columnheader"), (head) => headingCell(String(head), "columnheader"));
}

function layerRow(layer) {
  return rowOfCells(headingCell(String(layer), "rowheader"), (head) => headCell(layer, head));
}

function rowOfCells(first, cellOfHead) {
  const row = make("div", { className: "layer-row" }, first, ...Array.from({ length: modelView.data.count }, (_, head) => cellOfHead(head)));
  row.setAttribute("role", "row");
  return row;
}

function headingCell(text, role) {
  const cell = make("span", {}, text);
  cell.setAttribute("role", role);
  return cell;
}

function headCell(layer, head) {
  const { rows } = workspace.heads;
  const cell = make("div", {}, make("canvas", { width: rows, height: rows }));
  Object.assign(cell.dataset, { layer, head });
  cell.setAttribute("role", "gridcell");
  cell.setAttribute("aria-label", describeHead(layer, head));
  return cell;
}

function describeHead(layer, head) {
  const { first, own, others } = modelView.data;
  return `Head ${layer}.${head}: ${percent(first[layer][head])} to the first sentence, ${percent(own[layer][head])} to the sentence itself, ${percent(others[layer][head])} to others`;
}

function tellHead(cell) {
  if (!cell) return;
  const [layer, head] = placeOf(cell);
  const [query, key] = modelView.data.link[layer][head];
  const link = query < 0 ? "" : `; strongest link: sentence ${query + 1} to ${key + 1}, ${percent(modelView.data.link_share[layer][head])}`;
  const roles = heads.data && rolesOf(`${layer}.${head}`, heads.withoutSink);
  document.getElementById("model-view-said").textContent = `${describeHead(layer, head)}${link}.${roles ? ` Roles: ${roles.join(", ") || "none"}.` : ""}`;
}

function openCell(cell) {
  if (cell) openHead(...placeOf(cell));
}

function markOpenHead() {
  selectCell(modelView.cells, modelView.cells.find((cell) => typeof state.head === "number" && nameOf(cell) === `${state.view - 1}.${state.head}`) ?? null);
}

// Drawn only while in view, a layer for each frame, so that the page stays answerable.
function drawModelView() {
  const wanted = wantedOfModelView();
  if (!modelView.seen || modelView.drawn === wanted) return;
  modelView.drawn = wanted;
  const paint = headPainter();
  const drawFrom = (layer) => {
    if (modelView.drawn !== wanted || layer >= workspace.layers) return;
    paintHeads(paint, modelView.cells.filter((cell) => Number(cell.dataset.layer) === layer));
    requestAnimationFrame(() => drawFrom(layer + 1));
  };
  drawFrom(0);
  sayModelViewMeasure();
}

// Paper has all of it, seen or not, and waits for no frame.
function drawModelViewWhole() {
  modelView.drawn = wantedOfModelView();
  paintHeads(headPainter(), modelView.cells);
  sayModelViewMeasure();
}

function wantedOfModelView() {
  return [state.measure === "lift", state.content, darkScheme.matches].join(" ");
}

function paintHeads(paint, cells) {
  cells.forEach((cell) => paint(cell.querySelector("canvas"), ...placeOf(cell)));
}

function sayModelViewMeasure() {
  const measure = state.measure === "lift" ? "lift" : "share";
  document.getElementById("model-view-measure").textContent = `Colours are those of the large matrix for the ${measure}; each small one has the same scale.`;
}

// As the large matrix is painted.
function headPainter() {
  const { values, codes } = workspace.heads;
  const measure = state.measure === "lift" ? "lift" : "share";
  const ramp = makeRamp(measure);
  return (canvas, layer, head) => paintPositions(canvas, placeCodes(codes(layer, head), values, measure, measure === "lift" ? [logarithmsOf(workspace.heads)] : []), workspace.heads, ramp, -Infinity);
}
