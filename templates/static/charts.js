// A chart as a file: the picture that stands in the page, its numbers, and the Vega-Lite specification both come from.

const FONTS = "Liberation Sans, Arial, Helvetica, sans-serif";
const FINENESS = 2; // pixels of a PNG for one of the picture

let packedCharts = null;

// {theme, charts: {name: specification}}, unpacked when the first is asked for.
function readCharts() {
  packedCharts ??= openData(document.getElementById("charts-data")).then(turnBack);
  return packedCharts;
}

// Columns as rows again.
function turnBack(part) {
  if (typeof part !== "object" || part === null) return part;
  if (Array.isArray(part)) return part.map(turnBack);
  return Object.fromEntries(Object.entries(part).map(([name, inner]) => [name, name === "data" && inner?.columns ? { values: rowsOf(Object.entries(inner.columns)) } : turnBack(inner)]));
}

function rowsOf(columns) {
  return columns[0][1].map((_, place) => Object.fromEntries(columns.map(([column, values]) => [column, values[place]])));
}

// The picture by itself: colours by day, which its attributes name; fonts named; a ground; its description; no script and no link.
function standAlone(picture) {
  const copy = picture.cloneNode(true);
  const [x, y, width, height] = frameOf(picture);
  for (const name of ["class", "role", "aria-label"]) copy.removeAttribute(name);
  for (const [name, value] of Object.entries({ viewBox: [x, y, width, height].join(" "), width, height, "font-family": FONTS })) copy.setAttribute(name, value);
  const describe = makeSvg("desc", {});
  describe.textContent = picture.getAttribute("aria-label");
  copy.prepend(describe, makeSvg("rect", { x, y, width, height, fill: "#ffffff" }));
  return { text: new XMLSerializer().serializeToString(copy), width, height };
}

// What is drawn may reach over the picture's own frame, where this machine's fonts are wider than those it was measured with.
function frameOf(picture) {
  const [x, y, width, height] = picture.getAttribute("viewBox").split(/[\s,]+/).map(Number);
  const drawn = picture.getBBox();
  const [left, top] = [Math.floor(Math.min(x, drawn.x)), Math.floor(Math.min(y, drawn.y))];
  const [right, bottom] = [Math.ceil(Math.max(x + width, drawn.x + drawn.width + 4)), Math.ceil(Math.max(y + height, drawn.y + drawn.height + 4))];
  return [left, top, right - left, bottom - top];
}

function saveChartSvg(figure) {
  save([standAlone(figure.querySelector(".picture")).text], "image/svg+xml", fileName(figure.dataset.chart, "svg"));
}

async function saveChartPng(figure) {
  const { text, width, height } = standAlone(figure.querySelector(".picture"));
  const image = new Image(width * FINENESS, height * FINENESS);
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = make("canvas", { width: image.width, height: image.height });
  canvas.getContext("2d").drawImage(image, 0, 0, image.width, image.height);
  return savePng(canvas, figure.dataset.chart);
}

async function saveChartCsv(figure) {
  const { charts } = await readCharts();
  saveCsv(tabulate(listSources(charts[figure.dataset.chart])), figure.dataset.chart);
}

// With the colours and fonts of this page, so that it draws alike elsewhere.
async function saveChartSpec(figure) {
  const { theme, charts } = await readCharts();
  const spec = charts[figure.dataset.chart];
  saveJson({ ...spec, config: merge({ ...theme, background: "#ffffff" }, spec.config ?? {}) }, figure.dataset.chart, "vl.json");
}

// The rows of each of a chart's sources, in the order they are drawn.
function listSources(spec) {
  if (typeof spec !== "object" || spec === null) return [];
  if (Array.isArray(spec)) return spec.flatMap(listSources);
  const own = spec.data?.values ? [spec.data.values] : [];
  return own.concat(Object.entries(spec).flatMap(([name, inner]) => (name === "data" ? [] : listSources(inner))));
}

// One table of all sources; where there are several, a first column counts them.
function tabulate(sources) {
  const columns = [...new Set(sources.flatMap((rows) => rows.flatMap(Object.keys)))];
  const numbered = sources.length > 1;
  const rows = sources.flatMap((source, place) => source.map((row) => [...(numbered ? [place + 1] : []), ...columns.map((name) => row[name])]));
  return [[...(numbered ? ["table"] : []), ...columns], ...rows];
}

function merge(base, over) {
  const isPlain = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const merged = { ...base };
  for (const [name, value] of Object.entries(over)) merged[name] = isPlain(value) && isPlain(base[name]) ? merge(base[name], value) : value;
  return merged;
}
