// The measures of the workspace: any cell of any view, in numbers and in words.

// Rows and columns of a matrix stand for `group` consecutive sentences each; in most documents that is one.

let workspace = null; // {sentences, group, rows, layers, causal, opening, expected, measures: {share: {low, high, views, tables}, ..., effect: {low, high, cells}}}

async function loadWorkspace(data) {
  const loaded = { ...data, rows: Math.ceil(data.sentences / data.group), measures: {} };
  for (const [name, packed] of Object.entries(data.measures)) loaded.measures[name] = await loadMeasure(packed);
  if (data.effects.length) loaded.measures.effect = gatherEffects(data.effects, loaded);
  const expected = await unpackViews(data.expected);
  loaded.expected = (query, key) => expected.values[expected.views[0][cellOf(query, key)]];
  workspace = loaded;
}

async function loadMeasure(packed) {
  const whole = await unpackViews(packed.whole);
  const layers = await unpackViews(packed.layers);
  return {
    ...packed.scale,
    views: [...whole.views, ...layers.views],
    tables: [whole.values, ...layers.views.map(() => layers.values)],
  };
}

// Links that were hidden, each [query, key, nats]; in a cell of several the mean. The scale spans the powers of ten around nine tenths of them.
function gatherEffects(effects, { group, rows }) {
  const found = new Map();
  for (const [query, key, nats] of effects) {
    const cell = Math.floor(query / group) * rows + Math.floor(key / group);
    found.set(cell, [...(found.get(cell) ?? []), nats]);
  }
  const cells = new Map([...found].map(([cell, values]) => [cell, values.reduce((sum, value) => sum + value) / values.length]));
  const sorted = [...cells.values()].filter((value) => value > 0).sort((a, b) => a - b);
  const power = (value, round) => 10 ** clamp(round(Math.log10(value)), -6, 2);
  const low = sorted.length ? power(sorted[Math.floor(sorted.length / 10)], Math.floor) : 1e-6;
  return { low, high: Math.max(sorted.length ? power(sorted.at(-1), Math.ceil) : 1, 10 * low), cells };
}

function rowOf(sentence) {
  return Math.floor(sentence / workspace.group);
}

function cellOf(query, key) {
  return rowOf(query) * workspace.rows + rowOf(key);
}

// The sentences that share a sentence's row.
function listGroup(sentence) {
  const first = rowOf(sentence) * workspace.group;
  return Array.from({ length: Math.min(workspace.group, workspace.sentences - first) }, (_, step) => first + step);
}

// NaN where nothing was computed or measured, 0 where the value is below the scale. The effect is that of hiding a link in every layer, whatever the view.
function readCell(measure, view, query, key) {
  if (measure === "effect") return workspace.measures.effect?.cells.get(cellOf(query, key)) ?? NaN;
  if (measure === "lift") return readCell("share", view, query, key) / workspace.expected(query, key);
  const { views, tables } = workspace.measures[measure];
  return tables[view][views[view][cellOf(query, key)]];
}

function isLeftOut(query, key) {
  return state.content && (rowOf(key) === 0 || rowOf(query) === rowOf(key));
}

// The strongest cells of a row ("source") or a column ("destination") in the measure on show.
function findStrongest(sentence, direction, count) {
  const cells = [];
  for (let other = 0; other < workspace.sentences; other += workspace.group) {
    const [query, key] = direction === "source" ? [sentence, other] : [other, sentence];
    const value = readCell(state.measure, state.view, query, key);
    if (value > 0 && !isLeftOut(query, key)) cells.push({ query, key, other, value });
  }
  return cells.sort((a, b) => b.value - a.value).slice(0, count);
}

function nameView(view) {
  return view === 0 ? "whole model" : `layer ${view - 1}`;
}

function nameMeasure(measure) {
  return { share: "share", lift: "lift", isa: "ISA", rollout: "rollout", rollout_without_sink: "rollout without sink", effect: "effect when hidden" }[measure];
}

function sayValue(measure, value) {
  if (measure === "effect") return Number.isNaN(value) ? "not measured" : `${significant(value)} nats`;
  if (Number.isNaN(value)) return "never computed";
  if (value === 0) return measure === "lift" ? "near 0" : "below the scale";
  if (measure === "lift") return times(value);
  return measure === "isa" ? significant(value, 2) : percent(value);
}

// A sentence, or what stands in its row where that is a group.
function nameRow(sentence) {
  const group = listGroup(sentence);
  return group.length === 1 ? `sentence ${sentence + 1}` : `a sentence of ${group[0] + 1} to ${group.at(-1) + 1}`;
}

// Its number, or those of its group.
function numberRow(sentence) {
  const group = listGroup(sentence);
  return group.length === 1 ? String(sentence + 1) : `${group[0] + 1}–${group.at(-1) + 1}`;
}

// One cell as a sentence of prose.
function sayCell(query, key) {
  const share = readCell("share", state.view, query, key);
  const target = query === key && workspace.group === 1 ? "itself" : nameRow(key);
  const place = state.view === 0 ? "Over the whole model" : `In layer ${state.view - 1}`;
  if (Number.isNaN(share)) return `Never computed: ${nameRow(query)} cannot look at ${nameRow(key)}.`;
  if (share === 0) {
    return `${place}, ${nameRow(query)} gives ${target} less than ${percent(workspace.measures.share.low)} of its attention.${sayEffectOf(query, key)}`;
  }
  const lift = times(readCell("lift", state.view, query, key));
  const mean = workspace.group === 1 ? "" : " on average";
  return `${place}, ${nameRow(query)} gives ${target} ${percent(share)} of its attention${mean}: ${lift} what uniform attention would give.`
    + sayOther(query, key) + sayEffectOf(query, key);
}

// What a chosen sentence does with its attention, before any one link is chosen.
function saySentence(sentence) {
  const [own, first] = [readCell("share", state.view, sentence, sentence), readCell("share", state.view, sentence, 0)];
  const place = state.view === 0 ? "Over the whole model" : `In layer ${state.view - 1}`;
  if (workspace.group > 1) return sayCell(sentence, sentence);
  const rest = sentence === 0 ? "" : ` and gives ${sayValue("share", first)} to the first sentence`;
  return `${place}, sentence ${sentence + 1} keeps ${sayValue("share", own)} of its attention within itself${rest}.`;
}

// What hiding it does, where that is known; where it is asked for and not known, that.
function sayEffectOf(query, key) {
  const value = readCell("effect", state.view, query, key);
  if (!Number.isNaN(value)) return ` Hiding it changes the prediction by ${sayValue("effect", value)}.`;
  return state.measure === "effect" && query !== key ? " What hiding it does was not measured." : "";
}

function sayOther(query, key) {
  const value = sayValue(state.measure, readCell(state.measure, state.view, query, key));
  if (state.measure === "isa") return ` Largest single weight (ISA): ${value}.`;
  if (state.measure === "rollout") return ` Share of its rollout: ${value}.`;
  if (state.measure === "rollout_without_sink") return ` Share of its rollout without the sink: ${value}.`;
  return "";
}
