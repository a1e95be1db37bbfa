// The matrix on show as a file: a picture by day with its axes and scale, or a table of numbers.

const EDGE = 96; // pixels around the picture
const LEAST_SIDE = 1000;

function nameShown() {
  return `${nameMeasure(state.measure)} ${nameView(state.view)}${state.chance ? " against chance" : ""}`;
}

// A row looks, a column is looked at; empty where nothing was computed or measured.
function saveMatrixCsv() {
  const { rows: size, group } = grid();
  const numbers = Array.from({ length: size }, (_, place) => numberRow(place * group));
  const rows = numbers.map((number, row) => [number, ...numbers.map((_, column) => round(readShown(row * group, column * group)))]);
  saveCsv([["looking sentence", ...numbers.map((number) => `sentence ${number}`)], ...rows], nameShown());
}

function round(value) {
  return Number.isFinite(value) ? Number(value.toPrecision(4)) : null;
}

function saveMatrixPng() {
  return savePng(drawMatrixFile(), nameShown());
}

function drawMatrixFile() {
  const cell = Math.max(1, Math.ceil(LEAST_SIDE / grid().rows));
  const side = cell * grid().rows;
  const canvas = make("canvas", { width: side + 2 * EDGE, height: side + 3 * EDGE });
  const context = canvas.getContext("2d");
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  paintByDay(context, cell);
  writeAxes(context, side, cell);
  writeScale(context, side);
  return canvas;
}

function paintByDay(context, cell) {
  const { rows, group } = grid();
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < rows; column++) {
      const value = readShown(row * group, column * group);
      if (Number.isNaN(value) || isUnder(value)) continue;
      context.globalAlpha = isLeftOut(row * group, column * group) ? 0.25 : 1;
      context.fillStyle = css(mix(stopsByDay(), positionOf(shownMeasure(), value)));
      context.fillRect(EDGE + column * cell, EDGE + row * cell, cell, cell);
    }
  }
  context.globalAlpha = 1;
}

function stopsByDay() {
  return isAroundOne(shownMeasure()) ? AROUND_ONE.light : CIVIDIS;
}

function writeAxes(context, side, cell) {
  const words = (text, x, y, align = "center") => Object.assign(context, { textAlign: align }).fillText(text, x, y);
  Object.assign(context, { fillStyle: "#1b1b1a", strokeStyle: "#5f5e5a", font: `20px ${FONTS}` });
  context.strokeRect(EDGE, EDGE, side, side);
  words(`${document.querySelector("h1").textContent}: ${nameShown()}`, EDGE, EDGE - 40, "left");
  words("sentence looked at (key)", EDGE + side / 2, side + EDGE + 60);
  const { rows, group } = grid();
  for (let row = 0; row < rows; row += Math.ceil(rows / 8)) {
    const place = EDGE + (row + 0.5) * cell;
    words(numberRow(row * group), place, side + EDGE + 26);
    words(numberRow(row * group), EDGE - 8, place + 7, "right");
  }
  context.save();
  context.translate(30, EDGE + side / 2);
  context.rotate(-Math.PI / 2);
  words("looking sentence (query)", 0, 0);
  context.restore();
}

// What the page says under its own matrix, with what white stands for.
function writeScale(context, side) {
  const stops = stopsByDay();
  const ramp = context.createLinearGradient(EDGE, 0, EDGE + side, 0);
  stops.forEach((stop, place) => ramp.addColorStop(place / (stops.length - 1), stop));
  const top = side + EDGE + 80;
  context.fillStyle = ramp;
  context.fillRect(EDGE, top, side, 14);
  context.fillStyle = "#1b1b1a";
  const ticks = isAroundOne(shownMeasure()) ? listLiftTicks() : listDecades();
  for (const { position, text } of ticks) {
    context.textAlign = position === 0 ? "left" : position === 1 ? "right" : "center";
    context.fillText(text, EDGE + position * side, top + 36);
  }
  context.textAlign = "left";
  const pale = state.content ? "; pale: first sentence and the sentence itself" : "";
  context.fillText(document.querySelector("#matrix-legend .unit").textContent, EDGE, top + 66, side);
  context.fillText(`white: not computed or not measured${state.threshold ? ", or under the threshold" : ""}${pale}`, EDGE, top + 94, side);
}
