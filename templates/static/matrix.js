// The matrix: cells painted to a canvas, choices drawn over it, moved through by pointer and by arrow keys.

const matrix = { box: null, canvas: null, overlay: null, side: 0, cursor: null, pointed: null }; // pointed: the cell that the pointer was last on

function setUpMatrix() {
  matrix.box = document.getElementById("matrix");
  matrix.canvas = matrix.box.querySelector("canvas");
  matrix.overlay = matrix.box.querySelector(".overlay");
  matrix.box.addEventListener("pointermove", (event) => point(pointedCell(event)));
  matrix.box.addEventListener("pointerdown", pointedCell);
  matrix.box.addEventListener("pointerleave", () => point(null));
  matrix.box.addEventListener("click", (event) => chooseCell(clickedCell(event)));
  matrix.box.addEventListener("keydown", moveByKey);
  new ResizeObserver(showMatrix).observe(matrix.box);
  darkScheme.addEventListener("change", showMatrix);
  whenChanged(["measure", "view", "head", "threshold", "chance", "content"], showMatrix);
  whenChanged(["sentence", "pair", "count"], drawOverlay);
  drawTicks();
  drawBorders();
}

function showMatrix() {
  matrix.side = matrix.box.clientWidth;
  paintMatrix();
  drawOverlay();
  drawMatrixLegend();
}

function paintMatrix() {
  const density = window.devicePixelRatio || 1;
  const side = Math.max(1, Math.round(matrix.side * density));
  matrix.canvas.width = matrix.canvas.height = side;
  const context = matrix.canvas.getContext("2d");
  // Cells larger than a pixel keep their edges; many cells to a pixel are averaged rather than dropped.
  context.imageSmoothingEnabled = side < grid().rows;
  drawCells(context, paintCells(), side);
  hatch(context, side, density);
}

// The last row and column may stand for fewer sentences than the others, and then end outside.
function drawCells(context, cells, side) {
  const drawn = (side * grid().rows * grid().group) / workspace.sentences;
  context.drawImage(cells, 0, 0, drawn, drawn);
}

function paintCells() {
  const cells = grid();
  return paintPositions(make("canvas", { width: cells.rows, height: cells.rows }), listPositions(), cells, makeRamp(shownMeasure()), leastPosition());
}

// Slanting lines over what was never computed and over what the switch leaves out.
function hatch(context, side, density) {
  const cell = (side * grid().group) / workspace.sentences;
  context.lineWidth = density;
  context.strokeStyle = themeColour("--hatch");
  if (workspace.causal) strokeInside(context, side, 8 * density, [[cell, 0], [side, 0], [side, side - cell]]);
  const seen = (query, key) => !Number.isNaN(readCell("share", state.view, query, key));
  if (workspace.windowed) fillCells(context, side, (query, key) => !seen(query, key), (lines) => strokeInside(lines, side, 8 * density, whole(side)));
  if (OF_SOME_LINKS.includes(state.measure)) {
    const unmeasured = (query, key) => seen(query, key) && query !== key && Number.isNaN(readCell(state.measure, state.view, query, key));
    fillCells(context, side, unmeasured, (dots) => dotInside(dots, side, 5 * density));
  }
  context.strokeStyle = themeColour("--quiet");
  if (state.content) strokeInside(context, side, 4 * density, [[0, 0], [cell, 0], [cell, side], [0, side]]);
}

// A pattern over single cells: pairs of sentences that no window holds together, or whose link was not hidden.
function fillCells(context, side, isFilled, fill) {
  const { rows: size, group } = grid();
  const image = new ImageData(size, size);
  for (let query = 0; query < size; query++) {
    for (let key = 0; key < (workspace.causal ? query : size); key++) {
      if (isFilled(query * group, key * group)) image.data[4 * (query * size + key) + 3] = 255;
    }
  }
  const cells = make("canvas", { width: size, height: size });
  cells.getContext("2d").putImageData(image, 0, 0);
  const layer = make("canvas", { width: side, height: side });
  const pattern = layer.getContext("2d");
  pattern.imageSmoothingEnabled = false;
  drawCells(pattern, cells, side);
  Object.assign(pattern, { lineWidth: context.lineWidth, strokeStyle: context.strokeStyle });
  pattern.globalCompositeOperation = "source-in";
  fill(pattern);
  context.drawImage(layer, 0, 0);
}

function whole(side) {
  return [[0, 0], [side, 0], [side, side], [0, side]];
}

function dotInside(context, side, gap) {
  context.fillStyle = themeColour("--quiet");
  context.beginPath();
  for (let across = gap / 2; across < side; across += gap) {
    for (let down = gap / 2; down < side; down += gap) context.rect(Math.floor(across), Math.floor(down), gap / 5, gap / 5);
  }
  context.fill();
}

function strokeInside(context, side, gap, corners) {
  context.save();
  context.beginPath();
  corners.forEach(([x, y]) => context.lineTo(x, y));
  context.clip();
  context.beginPath();
  for (let start = 0; start < 2 * side; start += gap) {
    context.moveTo(start, 0);
    context.lineTo(start - side, side);
  }
  context.stroke();
  context.restore();
}

function drawOverlay() {
  const { overlay, side, cursor } = matrix;
  const cell = side / workspace.sentences;
  overlay.setAttribute("viewBox", `0 0 ${side} ${side}`);
  const marks = listTopLinks().flatMap(([query, key]) => [frame("halo", query, key, cell, 8), frame("top-link", query, key, cell, 8)]);
  if (state.sentence !== null) marks.unshift(...crosshair(state.sentence, cell, side));
  if (state.pair) marks.push(frame("pair", ...state.pair, cell, 11));
  if (cursor) marks.push(frame("cursor", ...cursor, cell, 9));
  overlay.replaceChildren(...marks);
}

function frame(name, query, key, cell, least) {
  const side = Math.max(cell + 2, least);
  return makeSvg("rect", {
    class: name, "data-query": query, "data-key": key, width: side, height: side,
    x: (key + 0.5) * cell - side / 2, y: (query + 0.5) * cell - side / 2,
  });
}

// The row of what a sentence looks at, the column of what looks at it.
function crosshair(sentence, cell, side) {
  const width = Math.max(cell, 4);
  const start = (sentence + 0.5) * cell - width / 2;
  const [from, to] = workspace.causal ? [start, start + width] : [0, side];
  return [
    makeSvg("rect", { class: "crosshair row", "data-sentence": sentence, x: 0, y: start, width: to, height: width }),
    makeSvg("rect", { class: "crosshair column", "data-sentence": sentence, x: start, y: from, width, height: side - from }),
  ];
}

function findCell(event) {
  const bounds = matrix.box.getBoundingClientRect();
  const along = (place) => clamp(Math.floor((place / bounds.width) * workspace.sentences), 0, workspace.sentences - 1);
  return [along(event.clientY - bounds.top), along(event.clientX - bounds.left)];
}

function pointedCell(event) {
  matrix.pointed = findCell(event);
  return matrix.pointed;
}

// A pointer stands at fractions of a pixel, its click at whole ones: in small cells that would be the one beside. A click without a pointer has its place alone.
function clickedCell(event) {
  return event.detail && matrix.pointed ? matrix.pointed : findCell(event);
}

function point(cell) {
  matrix.cursor = cell;
  drawOverlay();
  showReadout(cell ?? state.pair);
}

function chooseCell([query, key]) {
  if (Number.isNaN(readCell("share", state.view, query, key))) return point([query, key]);
  return chooseSentence(query, { pair: [query, key], reveal: isSideBySide() ? query : null });
}

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

function moveByKey(event) {
  const start = matrix.cursor ?? state.pair ?? [state.sentence ?? 0, state.sentence ?? 0];
  if (event.key === "Enter") {
    event.preventDefault();
    chooseCell(start);
  } else if (event.key in ARROWS) {
    event.preventDefault();
    point(start.map((place, axis) => clamp(place + grid().group * ARROWS[event.key][axis], 0, workspace.sentences - 1)));
  }
}

// Numbers along both edges, at round sentences.
function drawTicks() {
  const size = workspace.sentences;
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000].find((candidate) => size / candidate <= 8) ?? 5000;
  for (let number = step; number <= size; number += step) {
    const place = `${(100 * (number - 0.5)) / size}%`;
    const [across, down] = [make("span", {}, String(number)), make("span", {}, String(number))];
    across.style.left = place;
    down.style.top = place;
    document.querySelector(".ticks-key").append(across);
    document.querySelector(".ticks-query").append(down);
  }
}

// Where a section of the document begins, a line on both edges.
function drawBorders() {
  for (const sentence of workspace.borders) {
    const [across, down] = [make("i", {}), make("i", {})];
    across.style.left = down.style.top = `${(100 * sentence) / workspace.sentences}%`;
    document.querySelector(".ticks-key").append(across);
    document.querySelector(".ticks-query").append(down);
  }
}

// Text and matrix stand side by side, and the matrix stays in view while the text scrolls.
function isSideBySide() {
  return matchMedia("(min-width: 64rem)").matches;
}
