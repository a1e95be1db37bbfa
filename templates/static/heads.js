// The grid of heads: coloured by a metric, walked with the arrow keys, each head's scores on request.

const heads = { data: null, cells: [], names: [], chosen: null, withoutSink: false, metric: 0 };

function setUpHeads() {
  heads.data = readData("heads-data");
  if (!heads.data) return;
  const grid = document.getElementById("head-grid");
  heads.cells = [...grid.tBodies[0].querySelectorAll("td")];
  heads.cells.forEach((cell, index) => {
    cell.tabIndex = index ? -1 : 0;
    Object.assign(cell.dataset, { layer: cell.parentElement.rowIndex - 1, head: cell.cellIndex - 1 });
  });
  grid.addEventListener("click", (event) => openOrChoose(event.target.closest("[data-head]")));
  grid.addEventListener("keydown", (event) => moveInHeads(event, heads.cells, openOrChoose));
  document.getElementById("metric").addEventListener("change", (event) => showHeads({ metric: Number(event.target.value) }));
  document.getElementById("without-sink").addEventListener("change", (event) => showHeads({ withoutSink: event.target.checked }));
  darkScheme.addEventListener("change", () => showHeads({}));
  heads.names = [...document.querySelectorAll("#head-table tbody th")].map((cell) => cell.textContent);
  setUpHeadFilter();
  countHeads(heads.names.length);
  showHeads({ metric: 0 }); // the table says already what it is to say
  chooseHead(findPeak());
}

function placeOf(cell) {
  return [Number(cell.dataset.layer), Number(cell.dataset.head)];
}

function nameOf(cell) {
  return placeOf(cell).join(".");
}

function rolesOf(name, withoutSink) {
  return (withoutSink ? heads.data.roles_without_sink : heads.data.roles)[name] ?? [];
}

function unsureOf(name, withoutSink) {
  return (withoutSink ? heads.data.unsure_without_sink : heads.data.unsure)[name] ?? [];
}

// A metric that exists with all keys only keeps its figures when the switch asks for those without the sink.
function valuesOf(metric, withoutSink) {
  return (withoutSink && metric.without_sink) || metric.values;
}

function showHeads(patch) {
  Object.assign(heads, patch);
  const metric = heads.data.metrics[heads.metric];
  const [low, high] = rangeOf(metric);
  for (const cell of heads.cells) showHead(cell, metric, low, high);
  drawHeadLegend(metric, low, high);
  if (!("metric" in patch)) showHeadTable();
  if (heads.chosen && !("metric" in patch)) showChosenHead();
}

// One range for both variants, so that the switch changes colours only where the numbers change.
function rangeOf(metric) {
  const all = [metric.values, metric.without_sink ?? []].flat(2).filter(Number.isFinite);
  return [Math.min(0, ...all), Math.max(...all, 1e-9)];
}

function showHead(cell, metric, low, high) {
  const [layer, head] = placeOf(cell);
  const value = valuesOf(metric, heads.withoutSink)[layer][head];
  const roles = rolesOf(nameOf(cell), heads.withoutSink);
  setText(cell, roles.map((role) => heads.data.marks[role]).join(""));
  cell.setAttribute("aria-label", `Head ${nameOf(cell)} ${cell.textContent}: ${metric.label} ${significant(value)}; ${roles.join(", ") || "no role"}`);
  const colour = value === null ? null : mix(CIVIDIS, (value - low) / (high - low));
  cell.style.backgroundColor = colour ? css(colour) : "";
  cell.style.color = colour ? inkOn(colour) : "";
}

function drawHeadLegend(metric, low, high) {
  const along = (value) => (value - low) / (high - low);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((position) => ({ position, text: significant(low + position * (high - low), 2) }));
  const marks = metric.threshold === null ? [] : [{ position: along(metric.threshold), text: `threshold ${significant(metric.threshold)}` }];
  const sink = !heads.withoutSink ? "all keys" : metric.without_sink ? "without the sink" : "all keys; not measured without the sink";
  const threshold = metric.threshold === null ? "" : `; the mark is the threshold, ${significant(metric.threshold)}`;
  const unit = metric.unit ? `, ${metric.unit}` : "";
  drawLegend(document.getElementById("head-legend"), {
    stops: CIVIDIS, ticks, marks, unit: `${metric.label}${unit}, ${sink} (linear scale${threshold})`,
  });
}

function findPeak() {
  const { values } = heads.data.metrics[heads.metric];
  const value = (cell) => values[placeOf(cell)[0]][placeOf(cell)[1]] ?? -Infinity;
  return heads.cells.reduce((best, cell) => (value(cell) > value(best) ? cell : best));
}

// Cells of a grid with a row for each layer: arrows move the focus, Enter and the space bar choose.
function moveInHeads(event, cells, choose) {
  const cell = event.target.closest("[data-head]");
  if (!cell) return;
  const across = 1 + Math.max(...cells.map((other) => Number(other.dataset.head)));
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across };
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    choose(cell);
  } else if (event.key in steps) {
    event.preventDefault();
    cells[cells.indexOf(cell) + steps[event.key]]?.focus();
  }
}

function selectCell(cells, chosen) {
  cells.forEach((cell) => {
    setAttribute(cell, "tabindex", cell === (chosen ?? cells[0]) ? "0" : "-1");
    setAttribute(cell, "aria-selected", String(cell === chosen));
  });
}

// Where the page has the matrices of heads, the chosen one is opened everywhere.
function openOrChoose(cell) {
  if (cell && workspace?.heads) openHead(...placeOf(cell));
  else chooseHead(cell);
}

function chooseHead(cell) {
  if (!cell) return;
  selectCell(heads.cells, cell);
  heads.chosen = nameOf(cell);
  showChosenHead();
}

function showChosenHead() {
  const panel = document.getElementById("chosen-head");
  panel.querySelector("h3").textContent = `Head ${heads.chosen}`;
  panel.querySelector(".roles-of-head").textContent = sayRoles(heads.chosen);
  panel.querySelector("tbody").replaceChildren(...heads.data.metrics.map((metric) => scoreRow(metric, ...heads.chosen.split(".").map(Number))));
}

// What a role is about is said behind it: syntactic (nsubj).
function sayRoles(name) {
  const about = (role) => heads.data.details[role]?.[name];
  const list = (roles) => roles.map((role) => (about(role) ? `${role} (${about(role)})` : role)).join(", ") || "none";
  const unsure = unsureOf(name, heads.withoutSink);
  const rest = unsure.length ? ` Unsure: ${unsure.join(", ")}.` : "";
  return `Roles with all keys: ${list(rolesOf(name, false))}. Without the sink: ${list(rolesOf(name, true))}.${rest}`;
}

function scoreRow(metric, layer, head) {
  const unit = metric.unit ? `, ${metric.unit}` : "";
  const figures = [metric.values[layer][head], metric.without_sink?.[layer][head] ?? null, metric.threshold];
  const row = make("tr", {}, make("th", { scope: "row" }, metric.label + unit));
  const texts = [...figures.map((value) => significant(value)), ...sayResampled(metric, layer, head)];
  row.append(...texts.map((text) => make("td", { className: "figure" }, text)));
  return row;
}

// The interval and the confidence, of the variant that the switch shows; nothing where nothing was resampled.
function sayResampled(metric, layer, head) {
  const resampled = heads.withoutSink && metric.without_sink ? metric.resampled_without_sink : metric.resampled;
  if (!resampled) return ["–", "–"];
  const [low, high, confidence] = ["low", "high", "confidence"].map((name) => resampled[name][layer][head]);
  return [low === null ? "–" : `${significant(low)} to ${significant(high)}`, significant(confidence)];
}

// The heads that the filter lets through, in the order that the headings announce. Rows stay where they are and get other texts, which takes a fraction of moving them.
function showHeadTable() {
  const table = document.getElementById("head-table");
  const rows = [...table.tBodies[0].rows];
  const [first, end] = rowsInSight(table, rows);
  const shown = sortHeads(table.querySelector("th[aria-sort]")).filter(headFilter());
  table.querySelector(".variant").textContent = heads.withoutSink ? "without the first token and special tokens" : "all keys";
  rows.slice(shown.length).forEach((row) => { row.hidden = true; });
  // What is in sight at once, all else while nobody waits.
  const places = [...shown.keys()];
  const once = places.slice(first, end);
  inTurns(table, [...once, ...places], (place) => fillHeadRow(rows[place], shown[place]), once.length);
  countHeads(shown.length);
}

// From which to which row the window of a table shows, if all are shown and equally high. Asking where parts of a closed table are would have it laid out.
function rowsInSight(table, rows) {
  if (table.closest("details:not([open])")) return [0, 0];
  const { scrollTop, clientHeight } = table.closest(".scroll");
  const height = table.tBodies[0].offsetHeight / rows.filter((row) => !row.hidden).length || Infinity;
  return [Math.floor(scrollTop / height), Math.ceil((scrollTop + clientHeight) / height)];
}

function sortHeads(heading) {
  if (!heading) return heads.names;
  const places = new Map(heads.names.map((name, place) => [name, place]));
  const metric = heads.data.metrics[heading.cellIndex - 2];
  const keyOf = metric ? (name) => headValue(metric, name) ?? NaN : heading.cellIndex ? listRoles : (name) => places.get(name);
  return sortRows(heads.names, heading, keyOf);
}

function headValue(metric, name) {
  const [layer, head] = name.split(".").map(Number);
  return valuesOf(metric, heads.withoutSink)[layer][head];
}

function fillHeadRow(row, name) {
  row.hidden = false;
  const [cell, ...others] = row.cells;
  const [, ...texts] = headTexts(name);
  const opener = cell.querySelector("button");
  setText(opener ?? cell, name);
  opener?.setAttribute("aria-label", `Open head ${name}`);
  others.forEach((other, column) => setText(other, texts[column]));
}

// What the table says of a head: its name, its roles, its scores.
function headTexts(name) {
  return [name, listRoles(name), ...heads.data.metrics.map((metric) => significant(headValue(metric, name)))];
}

// What is said again is looked up and laid out again.
function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function countHeads(shown) {
  document.getElementById("heads-shown").textContent = `${shown} of ${heads.names.length} heads`;
}

function listRoles(name) {
  const unsure = unsureOf(name, heads.withoutSink);
  return [rolesOf(name, heads.withoutSink).join(", "), unsure.length ? `unsure: ${unsure.join(", ")}` : ""].filter(Boolean).join("; ");
}
