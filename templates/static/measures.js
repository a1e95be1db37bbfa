// The measures of the workspace: any cell of any view, in numbers.

// Rows and columns of a matrix stand for `group` consecutive sentences each; in most documents that is one. Those of layers may stand for more.

// {sentences, group, rows, coarse: {group, rows, expected}, layers, causal, opening, expected, heads: {group, rows, count, low, values, codes}, measures: {share: {low, high, codes, values}, ..., effect: {low, high, cells}}}
let workspace = null;
const OF_SINGLE_HEADS = ["share", "lift"];
const OF_SOME_LINKS = ["effect", "flow"];
const warmed = new Set(); // measures whose views are taken out of their packing while nobody waits

async function loadWorkspace(data) {
  const named = Object.entries(data.measures).map(async ([name, packed]) => [name, await loadMeasure(packed)]);
  const [expected, ...measures] = await Promise.all([loadExpected(data.expected), ...named]);
  const loaded = { ...data, rows: Math.ceil(data.sentences / data.group), measures: Object.fromEntries(measures), expected };
  loaded.coarse = data.layer_group === data.group ? loaded : makeGrid(data.layer_group, loaded);
  if (data.effects.length) loaded.measures.effect = gatherLinks(data.effects, loaded);
  if (data.flows.length) loaded.measures.flow = gatherLinks(data.flows, loaded);
  const heads = readData("head-matrices-data");
  loaded.heads = heads && prepareHeads(await unpackHeads(heads, { codes: loaded.measures.share.codes, size: loaded.coarse.rows, times: heads.group / data.layer_group }), loaded);
  workspace = loaded;
}

// One set of all views, or the whole model's and the layers'.
async function loadMeasure({ scale, sets }) {
  const [whole, layers] = await Promise.all(sets.map(unpackViews));
  if (!layers) return { ...scale, ...whole };
  return { ...scale, codes: (view) => (view ? layers.codes(view - 1) : whole.codes(0)), values: (view) => (view ? layers.values(view - 1) : whole.values(0)) };
}

async function loadExpected(packed) {
  const { codes, values } = await unpackViews(packed);
  return Float32Array.from(codes(0), (code) => values(0)[code]);
}

// The greatest of several heads, each layer's and the whole model's, and what even attention gives in the rows of heads.
function prepareHeads(heads, loaded) {
  const { layers } = loaded;
  const found = new Map();
  const ofLayer = (layer) => remember(found, layer, () => greatest(Array.from({ length: heads.count }, (_, head) => heads.codes(layer, head))));
  heads.greatest = (view) => (view ? ofLayer(view - 1) : remember(found, "all", () => greatest(Array.from({ length: layers }, (_, layer) => ofLayer(layer)))));
  heads.expected = makeGrid(heads.group, loaded).expected;
  return heads;
}

// Rows of more sentences each, and what even attention gives in them.
function makeGrid(wanted, { sentences, group, rows, expected }) {
  const fewer = Math.ceil(sentences / wanted);
  return { group: wanted, rows: fewer, expected: wanted === group ? expected : poolCells(expected, rows, fewer, wanted / group) };
}

// Cell by cell the greatest code that is not that of a cell never computed.
function greatest(many) {
  const found = Uint8Array.from(many[0]);
  for (const codes of many.slice(1)) {
    for (let cell = 0; cell < codes.length; cell++) if (codes[cell] !== 15 && (found[cell] === 15 || codes[cell] > found[cell])) found[cell] = codes[cell];
  }
  return found;
}

// Means over the cells that have a number; a finer cell belongs to the coarser one that its first sentence is in.
function poolCells(cells, rows, fewer, times) {
  const [sums, counts] = [new Float64Array(fewer * fewer), new Uint32Array(fewer * fewer)];
  cells.forEach((value, cell) => {
    if (Number.isNaN(value)) return;
    const place = Math.floor(Math.floor(cell / rows) / times) * fewer + Math.floor((cell % rows) / times);
    sums[place] += value;
    counts[place] += 1;
  });
  return Float32Array.from(sums, (sum, place) => sum / counts[place]);
}

// Links that were measured one by one, each [query, key, value]; in a cell of several the mean. The scale spans the powers of ten around nine tenths of them.
function gatherLinks(links, { group, rows }) {
  const found = new Map();
  for (const [query, key, value] of links) {
    const cell = Math.floor(query / group) * rows + Math.floor(key / group);
    found.set(cell, [...(found.get(cell) ?? []), value]);
  }
  const cells = new Map([...found].map(([cell, values]) => [cell, values.reduce((sum, value) => sum + value) / values.length]));
  const sorted = [...cells.values()].filter((value) => value > 0).sort((a, b) => a - b);
  const power = (value, round) => 10 ** clamp(round(Math.log10(value)), -6, 2);
  const low = sorted.length ? power(sorted[Math.floor(sorted.length / 10)], Math.floor) : 1e-6;
  return { low, high: Math.max(sorted.length ? power(sorted.at(-1), Math.ceil) : 1, 10 * low), cells };
}

// Takes these steps while nobody waits, so that the first look at what they take out of its packing is answered at once.
function warm(steps) {
  whenIdle((deadline) => {
    do steps.shift()(); while (steps.length && deadline?.timeRemaining() > 25);
    if (steps.length) warm(steps);
  });
}

// One step for each view from the first on.
function stepsOf(take, first) {
  return Array.from({ length: workspace.layers + 1 - first }, (_, step) => () => take(first + step));
}

// The whole model by every measure; then heads after the means of layers, of which each is expected from those before it: with them any layer's heads are soon there.
function warmAhead() {
  const wholes = Object.values(workspace.measures).filter(({ codes }) => codes).map(({ codes }) => () => codes(0));
  const heads = workspace.heads ? [...stepsOf(workspace.measures.share.codes, 1), ...stepsOf(workspace.heads.greatest, 1)] : [];
  warm([...wholes, ...heads]);
}

// The views of the measure on show.
function warmViews() {
  const { codes } = workspace.measures[OF_SINGLE_HEADS.includes(state.measure) ? "share" : state.measure];
  if (codes && !warmed.has(codes)) warm(stepsOf(codes, 0));
  warmed.add(codes);
}

// "mean", "max" or a head's number; the mean for measures that single heads do not have.
function shownHead() {
  return OF_SINGLE_HEADS.includes(state.measure) ? state.head : "mean";
}

// The rows of what is on show.
function grid() {
  return OF_SOME_LINKS.includes(state.measure) ? workspace : gridOf(state.view);
}

// The rows of a view of any measure but those of some links: those of layers and of single heads may stand for more sentences each.
function gridOf(view) {
  if (shownHead() !== "mean") return workspace.heads;
  return view ? workspace.coarse : workspace;
}

function readEven(query, key) {
  const cells = gridOf(state.view);
  return cells.expected[cellOf(query, key, cells)];
}

function rowOf(sentence) {
  return Math.floor(sentence / grid().group);
}

// The first sentence that was read with a sentence: in windows that of its window.
function firstRead(sentence) {
  return workspace.first_read?.[sentence] ?? 0;
}

function firstRow(row, { group } = grid()) {
  return Math.floor(firstRead(row * group) / group);
}

function cellOf(query, key, { group, rows } = grid()) {
  return Math.floor(query / group) * rows + Math.floor(key / group);
}

// The sentences that share a sentence's row.
function listGroup(sentence) {
  const { group } = grid();
  const first = rowOf(sentence) * group;
  return Array.from({ length: Math.min(group, workspace.sentences - first) }, (_, step) => first + step);
}

// NaN where nothing was computed or measured, 0 where the value is below the scale. Effect and flow were measured of single links, over all layers, whatever the view.
function readCell(measure, view, query, key) {
  if (OF_SOME_LINKS.includes(measure)) return workspace.measures[measure]?.cells.get(cellOf(query, key, workspace)) ?? NaN;
  const { codes, values } = codesOf(measure, view);
  const cell = cellOf(query, key, gridOf(view));
  return measure === "lift" ? values[codes[cell]] / gridOf(view).expected[cell] : values[codes[cell]];
}

// Codes and what they stand for; of share and lift those of the head on show.
function codesOf(measure, view) {
  const single = OF_SINGLE_HEADS.includes(measure);
  const head = single ? shownHead() : "mean";
  const { codes, values } = workspace.measures[single ? "share" : measure];
  if (head === "mean") return { codes: codes(view), values: values(view) };
  return { codes: head === "max" ? workspace.heads.greatest(view) : workspace.heads.codes(view - 1, head), values: workspace.heads.values };
}

// What the matrix, the text and the lists show: the measure, or how it compares with chance.
function shownMeasure() {
  return state.chance ? "ratio" : state.measure;
}

function readShown(query, key) {
  const value = readKnown(state.measure, query, key);
  return state.chance ? value / readChance(query, key) : value;
}

function isLeftOut(query, key) {
  return state.content && (rowOf(key) === firstRow(rowOf(query)) || rowOf(query) === rowOf(key));
}

function isUnder(value) {
  return state.threshold > 0 && !(value >= thresholdValue());
}

// The threshold's place on the scale as a value, to the two digits that are shown.
function thresholdValue() {
  return Number(valueAt(shownMeasure(), state.threshold / THRESHOLDS).toPrecision(2));
}

// The strongest cells of a row ("source") or a column ("destination") in the measure on show.
function findStrongest(sentence, direction, count) {
  const cells = [];
  const { group } = grid();
  for (let other = 0; other < workspace.sentences; other += group) {
    const [query, key] = direction === "source" ? [sentence, other] : [other, sentence];
    const value = readShown(query, key);
    if (value > 0 && !isLeftOut(query, key) && !isUnder(value)) cells.push({ query, key, other, value });
  }
  return cells.sort((a, b) => b.value - a.value).slice(0, count);
}
