// Views, measures, rows and cells in words.

function nameLayer(view) {
  return view === 0 ? "whole model" : `layer ${view - 1}`;
}

function nameView(view) {
  const head = shownHead();
  if (head === "mean") return nameLayer(view);
  return head === "max" ? `${nameLayer(view)}, maximum over heads` : `head ${view - 1}.${head}`;
}

function sayPlace() {
  const head = shownHead();
  const layer = state.view - 1;
  if (head === "mean") return state.view === 0 ? "Over the whole model" : `In layer ${layer}`;
  if (head === "max") return state.view === 0 ? "In the head that gives it most" : `In the head of layer ${layer} that gives it most`;
  return `In head ${layer}.${head}`;
}

function nameMeasure(measure) {
  return {
    share: "share", lift: "lift", isa: "ISA", rollout: "rollout", rollout_without_sink: "rollout without sink", effect: "effect when hidden", flow: "flow", ratio: "ratio to chance",
  }[measure];
}

function sayValue(measure, value) {
  if (OF_SOME_LINKS.includes(measure) && Number.isNaN(value)) return "not measured";
  if (Number.isNaN(value)) return "never computed";
  if (measure === "effect") return `${significant(value)} nats`;
  if (value === 0) return ["lift", "ratio"].includes(measure) ? "near 0" : "below the scale";
  if (["lift", "ratio"].includes(measure)) return times(value);
  return measure === "isa" || measure === "flow" ? significant(value, 2) : percent(value);
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

// The smallest share that the view on show tells from 0.
function leastShare() {
  return shownHead() === "mean" ? workspace.measures.share.low : workspace.heads.low;
}

// One cell as a sentence of prose.
function sayCell(query, key) {
  const share = readKnown("share", query, key);
  const target = query === key && grid().group === 1 ? "itself" : nameRow(key);
  if (Number.isNaN(share)) return `Never computed: ${nameRow(query)} cannot look at ${nameRow(key)}.`;
  if (share === 0) {
    return `${sayPlace()}, ${nameRow(query)} gives ${target} less than ${percent(leastShare())} of its attention.${sayMeasured(query, key)}${sayChance(query, key)}`;
  }
  const lift = times(readKnown("lift", query, key));
  const mean = grid().group === 1 ? "" : " on average";
  return `${sayPlace()}, ${nameRow(query)} gives ${target} ${percent(share)} of its attention${mean}: ${lift} what uniform attention would give.`
    + sayOther(query, key) + sayMeasured(query, key) + sayChance(query, key);
}

// What a chosen sentence does with its attention, before any one link is chosen.
function saySentence(sentence) {
  const start = firstRead(sentence);
  const [own, first] = [readKnown("share", sentence, sentence), readKnown("share", sentence, start)];
  if (grid().group > 1 || shownHead() === "max") return sayCell(sentence, sentence);
  const rest = sentence === start ? "" : ` and gives ${sayValue("share", first)} to the first sentence${workspace.first_read ? " of its window" : ""}`;
  return `${sayPlace()}, sentence ${sentence + 1} keeps ${sayValue("share", own)} of its attention within itself${rest}.`;
}

// What hiding it does, and its flow, where they are known; where one is asked for and not known, that.
function sayMeasured(query, key) {
  const [effect, flow] = OF_SOME_LINKS.map((measure) => readCell(measure, state.view, query, key));
  const unknown = query === key ? "" : { effect: " What hiding it does was not measured.", flow: " Its flow was not computed." }[state.measure] ?? "";
  const known = Number.isNaN(effect) ? "" : ` Hiding it changes the prediction by ${sayValue("effect", effect)}.`;
  if (state.measure === "flow" && !Number.isNaN(flow)) return `${known} Maximum flow from it: ${sayValue("flow", flow)}.`;
  return state.measure === "effect" && known ? known : known + unknown;
}

function sayOther(query, key) {
  const value = sayValue(state.measure, readCell(state.measure, state.view, query, key));
  if (state.measure === "isa") return ` Largest single weight (ISA): ${value}.`;
  if (state.measure === "rollout") return ` Share of its rollout: ${value}.`;
  if (state.measure === "rollout_without_sink") return ` Share of its rollout without the sink: ${value}.`;
  return "";
}
