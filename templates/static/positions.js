// Where every cell of the view lies on the scale of what is on show: from codes by table, quick enough for a million cells.

const placed = { of: null, positions: null };

// One number for each cell, from 0 to 1 on the scale and beyond; NaN where nothing was computed or measured, -Infinity for 0.
function listPositions() {
  const wanted = [state.measure, state.view, shownHead(), state.chance, state.chance && state.content].join(" ");
  if (placed.of !== wanted) Object.assign(placed, { of: wanted, positions: OF_SOME_LINKS.includes(state.measure) ? placeLinks() : placeCells() });
  return placed.positions;
}

function placeCells() {
  const { codes, values } = codesOf(state.measure, state.view);
  const parts = [...(state.measure === "lift" ? [logarithmsOf(grid())] : []), ...(state.chance ? [spreadByDistance()] : [])];
  return placeCodes(codes, values, shownMeasure(), parts);
}

// Codes are steps of logarithms, so what a value is divided by moves its place.
function placeCodes(codes, values, measure, divisors = []) {
  const table = Float32Array.from(values, (value) => (value === 0 ? -Infinity : Number.isNaN(value) ? NaN : positionOf(measure, value)));
  const found = new Float32Array(codes.length);
  for (let cell = 0; cell < found.length; cell++) found[cell] = table[codes[cell]];
  for (const logarithms of divisors) {
    for (let cell = 0; cell < found.length; cell++) found[cell] -= logarithms[cell] / (2 * LIFT_SPAN);
  }
  return found;
}

// Of what even attention gives, taken once.
function logarithmsOf(rows) {
  rows.logarithms ??= rows.expected.map((value) => Math.log2(value));
  return rows.logarithms;
}

function spreadByDistance() {
  const { rows } = grid();
  const means = averagesByDistance().map((mean) => Math.log2(mean));
  const found = new Float32Array(rows * rows);
  for (let query = 0, cell = 0; query < rows; query++) {
    for (let key = 0; key < rows; key++, cell++) found[cell] = means[Math.abs(query - key)];
  }
  return found;
}

function placeLinks() {
  const { rows, group } = workspace;
  const found = new Float32Array(rows * rows).fill(NaN);
  for (const cell of workspace.measures[state.measure].cells.keys()) {
    const value = readShown(Math.floor(cell / rows) * group, (cell % rows) * group);
    found[cell] = value > 0 ? positionOf(shownMeasure(), value) : -Infinity;
  }
  return found;
}

// Below this place nothing is painted or listed.
function leastPosition() {
  return state.threshold ? positionOf(shownMeasure(), thresholdValue()) - 1e-6 : -Infinity;
}

// One pixel for each cell; none where nothing was computed or the value is under the threshold.
function paintPositions(canvas, positions, { rows: size, group }, ramp, least) {
  const pixels = new Uint32Array(size * size);
  for (let query = 0, cell = 0; query < size; query++) {
    const first = firstRow(query, { group });
    for (let key = 0; key < size; key++, cell++) {
      const position = positions[cell];
      if (!(position >= least)) continue;
      const colour = ramp[position > 0 ? Math.round(255 * Math.min(position, 1)) : 0];
      pixels[cell] = state.content && (key === first || query === key) ? colour & FAINT : colour;
    }
  }
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), size, size), 0, 0);
  return canvas;
}

// A quarter as dense.
const FAINT = 0x40ffffff;

// 256 colours as the bytes of pixels; every browser's machine has the lowest byte first.
function makeRamp(measure) {
  return Uint32Array.from({ length: 256 }, (_, step) => {
    const [red, green, blue] = mix(stopsFor(measure), step / 255);
    return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  });
}

// The strongest cells in reading order where they are equal; `rank` has a place for each cell.
function strongestCells(rank, count) {
  const { rows, group } = grid();
  const [positions, lowest] = [listPositions(), leastPosition()];
  let [found, least] = [[], -Infinity];
  for (let cell = 0; cell < rank.length; cell++) {
    if (!(rank[cell] > least) || !(positions[cell] >= lowest)) continue;
    const [query, key] = [Math.floor(cell / rows), cell % rows];
    if (state.content && (key === firstRow(query) || query === key)) continue;
    found.push({ query: query * group, key: key * group, place: rank[cell] });
    if (found.length < 8 * count) continue;
    found = found.sort((a, b) => b.place - a.place).slice(0, count);
    least = found.at(-1).place;
  }
  return found.sort((a, b) => b.place - a.place).slice(0, count);
}
