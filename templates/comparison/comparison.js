// The cells of the three matrices: pointing, tapping or moving by arrow keys reads both sentences and the numbers of both files.

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const data = readData();

// 16-bit floating point numbers (IEEE 754), lower bytes first.
function readHalves(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float64Array.from({ length: bytes.length / 2 }, (_, place) => readHalf(view.getUint16(2 * place, true)));
}

function readHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const rest = bits & 0x3ff;
  if (exponent === 0x1f) return rest ? NaN : sign * Infinity;
  return exponent ? sign * 2 ** (exponent - 15) * (1 + rest / 1024) : sign * 2 ** -24 * rest;
}

function readData() {
  const element = document.getElementById("cells-data");
  if (!element) return null;
  const packed = JSON.parse(element.textContent);
  return { ...packed, ...Object.fromEntries(["share_a", "share_b", "lift_a", "lift_b"].map((name) => [name, readHalves(packed[name])])) };
}

function start() {
  if (!data) return;
  document.getElementById("readout").hidden = false;
  for (const cells of document.querySelectorAll(".cells")) {
    const cursor = document.createElement("div");
    Object.assign(cursor, { className: "cursor", hidden: true });
    cells.append(cursor);
    for (const [name, value] of Object.entries({ tabindex: 0, role: "application", "aria-roledescription": "matrix", "aria-label": `${cells.querySelector("img").alt} Arrow keys move.`, "aria-describedby": "readout" })) {
      cells.setAttribute(name, value);
    }
    cells.addEventListener("pointermove", (event) => point(findCell(cells, event)));
    cells.addEventListener("pointerdown", (event) => point(findCell(cells, event)));
    cells.addEventListener("focus", () => point(state.cell ?? [data.cells - 1, 0]));
    cells.addEventListener("keydown", moveByKey);
  }
}

const state = { cell: null };

function findCell(cells, event) {
  const box = cells.getBoundingClientRect();
  return [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width].map((place) => clamp(Math.floor(place * data.cells)));
}

function clamp(place) {
  return Math.min(Math.max(place, 0), data.cells - 1);
}

function moveByKey(event) {
  if (!(event.key in ARROWS) || !state.cell) return;
  event.preventDefault();
  point(state.cell.map((place, axis) => clamp(place + ARROWS[event.key][axis])));
}

function point(cell) {
  state.cell = cell;
  const side = 100 / data.cells;
  for (const cursor of document.querySelectorAll(".cursor")) {
    cursor.hidden = false;
    Object.assign(cursor.style, { top: `${cell[0] * side}%`, left: `${cell[1] * side}%`, width: `${side}%`, height: `${side}%` });
  }
  mark("chosen", cell[0]);
  mark("looked-at", cell[1]);
  tell(cell);
}

function mark(name, place) {
  document.querySelectorAll(`.match.${name}`).forEach((element) => element.classList.remove(name));
  document.querySelectorAll(unitsOf(place).map((unit) => `[data-unit="${unit}"]`).join()).forEach((element) => element.classList.add(name));
}

// The units that a row or column stands for.
function unitsOf(place) {
  return Array.from({ length: data.group }, (_, step) => place * data.group + step);
}

function tell([query, key]) {
  const at = query * data.cells + key;
  const list = document.createElement("dl");
  const [a, b] = [say("a", at), say("b", at)];
  for (const [term, value] of [["Looks", describe(query)], ["Is looked at", describe(key)], ["A", a], ["B", b], ["Change of lift", change(at)]]) {
    const name = document.createElement("dt");
    const detail = document.createElement("dd");
    name.textContent = term;
    detail.append(value);
    list.append(name, detail);
  }
  const readout = document.getElementById("readout");
  readout.classList.add("told");
  readout.replaceChildren(list);
}

function describe(place) {
  const found = document.createDocumentFragment();
  const first = document.querySelector(`[data-unit="${place * data.group}"]`);
  const words = document.createElement("bdi");
  words.className = "clamped";
  words.append(...first.querySelector(".words").cloneNode(true).childNodes);
  const numbers = first.querySelector(".numbers").cloneNode(true);
  numbers.querySelectorAll(".unseen").forEach((element) => element.remove());
  const more = unitsOf(place).filter((unit) => document.querySelector(`[data-unit="${unit}"]`)).length - 1; // the last row may stand for fewer
  found.append(`${numbers.textContent}${more ? ` and ${more} more` : ""} `, words);
  return found;
}

function say(side, at) {
  const [share, lift] = [data[`share_${side}`][at], data[`lift_${side}`][at]];
  if (Number.isNaN(lift)) return "no number: it cannot look there, or no window holds both";
  return `${written(100 * share)} % of its attention, ${written(lift)} times what even attention gives`;
}

function change(at) {
  const [one, other] = [data.lift_a[at], data.lift_b[at]];
  if (Number.isNaN(one) || Number.isNaN(other)) return "cannot be compared";
  if (one === other) return "none, to three digits";
  return one > 0 && other > 0 ? `times ${written(other / one)}` : "from or to nothing";
}

function written(value) {
  return value && Math.abs(value) < 1e-4 ? value.toExponential(2) : String(Number(value.toPrecision(3)));
}

// Paper has no disclosures to open.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  opened.forEach((element) => { element.open = true; });
});
addEventListener("afterprint", () => opened.forEach((element) => { element.open = false; }));

start();
