// The picture, the sentence and the table of where the chosen sentence's information comes from.

const streams = { seen: false, of: null, depth: null, lanes: [], shares: [], input: [] }; // input: the share of every row
const SOURCES_NAMED = 3;
const LANE_COLOURS = [1, 3, 4, 5]; // of the series; 2 is too near the accent
const STREAM = { width: 720, height: 300, left: 124, right: 132, top: 8, gap: 3, line: 14, half: 95 }; // half a label's width

function setUpStreams() {
  const container = document.getElementById("streams");
  if (!container) return;
  if (workspace.first_read) return container.remove(); // a sentence of another window was not read with the chosen one
  const drawing = container.querySelector("svg");
  document.getElementById("streams-first").addEventListener("change", showStreams);
  drawing.addEventListener("pointermove", (event) => tellDepth(depthAt(event.clientX - drawing.getBoundingClientRect().left, drawing)));
  drawing.addEventListener("click", (event) => tellDepth(depthAt(event.clientX - drawing.getBoundingClientRect().left, drawing)));
  drawing.addEventListener("keydown", moveInStreams);
  new IntersectionObserver(([entry]) => { streams.seen = entry.isIntersecting; showStreams(); }, { rootMargin: "300px" }).observe(container);
  whenChanged(["sentence"], showStreams);
  addEventListener("beforeprint", () => { streams.seen = true; showStreams(); });
}

// Only where it can be seen: following a sentence back reads every layer.
function showStreams() {
  const withoutFirst = !document.getElementById("streams-first").checked;
  const wanted = `${state.sentence} ${withoutFirst}`;
  if (!streams.seen || streams.of === wanted) return;
  streams.of = wanted;
  document.getElementById("streams-heading").textContent = state.sentence === null
    ? "No sentence is chosen" : `Sentence ${state.sentence + 1}, followed back to the input`;
  document.querySelectorAll("#streams .of-sentence").forEach((element) => { element.hidden = state.sentence === null; });
  if (state.sentence !== null) drawStreams(Math.floor(state.sentence / workspace.group), withoutFirst);
}

function drawStreams(row, withoutFirst) {
  const shares = followBack(row, withoutFirst);
  const lanes = chooseLanes(row, shares);
  Object.assign(streams, { row, lanes, shares: laneShares(shares, lanes), input: shares[0], depth: null });
  const steps = streams.shares.map((above, layer) => (layer ? laneStep(layer, lanes, above, streams.shares[layer - 1], withoutFirst) : null));
  const drawing = document.querySelector("#streams svg");
  drawing.setAttribute("viewBox", `0 0 ${STREAM.width} ${STREAM.height + 34}`);
  drawing.replaceChildren(...drawRibbons(steps), ...drawLaneLabels(), ...drawDepths(), makeSvg("line", { class: "depth-cursor", y1: 0, y2: STREAM.height + 6, x1: -9, x2: -9 }));
  drawing.setAttribute("aria-label", sayStreams(withoutFirst));
  document.getElementById("streams-said").textContent = sayStreams(withoutFirst);
  fillStreamTable(withoutFirst);
}

function nameLane(lane) {
  return lane === streams.lanes.length ? "all others" : nameStreamRow(streams.lanes[lane]);
}

function nameStreamRow(place) {
  const [first, last] = [place * workspace.group + 1, Math.min((place + 1) * workspace.group, workspace.sentences)];
  return first === last ? `sentence ${first}` : `sentences ${first} to ${last}`;
}

function colourOfLane(lane) {
  if (lane === streams.lanes.length) return "var(--series-6)";
  if (streams.lanes[lane] === streams.row) return "var(--accent)";
  return `var(--series-${LANE_COLOURS[streams.lanes.filter((place) => place !== streams.row).indexOf(streams.lanes[lane])]})`;
}

function depthX(depth) {
  return STREAM.left + (depth / workspace.layers) * (STREAM.width - STREAM.left - STREAM.right);
}

// Where each lane begins and ends in a column, from the top.
function stackLanes(depth) {
  let top = STREAM.top;
  const room = STREAM.height - STREAM.top - STREAM.gap * streams.lanes.length;
  return streams.shares[depth].map((share) => {
    const place = { top, bottom: top + share * room };
    top = place.bottom + STREAM.gap;
    return place;
  });
}

// From each column to the one before it a ribbon for each pair of lanes, in the colour of the lane that it comes from.
function drawRibbons(steps) {
  const room = STREAM.height - STREAM.top - STREAM.gap * streams.lanes.length;
  return streams.shares.slice(1).flatMap((_, below) => {
    const [from, to] = [stackLanes(below).map(({ top }) => top), stackLanes(below + 1).map(({ top }) => top)];
    return steps[below + 1].flatMap((parts, upper) => parts.map((part, lower) => {
      const ribbon = drawRibbon(depthX(below), from[lower], depthX(below + 1), to[upper], part * room, lower, upper === lower);
      from[lower] += part * room;
      to[upper] += part * room;
      return part < 0.002 ? null : ribbon;
    })).filter(Boolean);
  });
}

function drawRibbon(x1, y1, x2, y2, width, lane, stays) {
  const middle = (x1 + x2) / 2;
  const figure = (value) => value.toFixed(1);
  const curve = (fromX, fromY, toX, toY) => `C${figure(middle)},${figure(fromY)} ${figure(middle)},${figure(toY)} ${figure(toX)},${figure(toY)}`;
  const path = makeSvg("path", {
    class: stays ? "ribbon stays" : "ribbon moves",
    d: `M${figure(x1)},${figure(y1)}${curve(x1, y1, x2, y2)}V${figure(y2 + width)}${curve(x2, y2 + width, x1, y1 + width)}Z`,
  });
  path.style.fill = colourOfLane(lane);
  return path;
}

// At both ends the lanes that are high enough for their name; one that is so nowhere there, where it is highest, which is said.
function drawLaneLabels() {
  const labels = [...streams.lanes.keys(), streams.lanes.length].flatMap((lane) => labelDepths(lane).map((depth) => labelOf(lane, depth)));
  const columns = ["end", "middle", "start"].map((side) => labels.filter(({ anchor }) => anchor === side));
  return columns.flatMap(moveApart).map(({ words, x, y, anchor }) => {
    const text = makeSvg("text", { x, y, "text-anchor": anchor });
    text.textContent = words;
    return text;
  });
}

function labelDepths(lane) {
  const high = (depth) => streams.shares[depth][lane] > 0.045;
  const ends = [0, workspace.layers].filter(high);
  return ends.length ? ends : [streams.shares.reduce((best, values, depth) => (values[lane] > streams.shares[best][lane] ? depth : best), 0)].filter(high);
}

function labelOf(lane, depth) {
  const { top, bottom } = stackLanes(depth)[lane];
  const [anchor, beside] = depth === 0 ? ["end", -6] : depth === workspace.layers ? ["start", 6] : ["middle", 0];
  const name = lane === streams.lanes.length ? "others" : nameLane(lane);
  const when = anchor === "middle" ? ` after ${depth} ${depth === 1 ? "layer" : "layers"}` : "";
  const x = anchor === "middle" ? clamp(depthX(depth), STREAM.left + STREAM.half, STREAM.width - STREAM.right - STREAM.half) : depthX(depth) + beside;
  return { words: `${name}, ${percent(streams.shares[depth][lane])}${when}`, x, y: (top + bottom) / 2 + 4, anchor };
}

// Labels of one side, each at least a line under the one before, and all of them within the picture.
function moveApart(labels) {
  const inOrder = labels.sort((a, b) => a.y - b.y);
  inOrder.forEach((label, place) => { if (place) label.y = Math.max(label.y, inOrder[place - 1].y + STREAM.line); });
  inOrder.forEach((label, place) => { label.y = Math.min(label.y, STREAM.height - STREAM.line * (inOrder.length - 1 - place)); });
  return inOrder;
}

function drawDepths() {
  const step = [1, 2, 5, 10, 20].find((candidate) => workspace.layers / candidate <= 8) ?? 50;
  const depths = Array.from({ length: Math.floor(workspace.layers / step) + 1 }, (_, place) => place * step);
  const labels = depths.map((depth) => {
    const text = makeSvg("text", { class: "tick", x: depthX(depth), y: STREAM.height + 16, "text-anchor": "middle" });
    text.textContent = String(depth);
    return text;
  });
  const title = makeSvg("text", { class: "tick", x: (depthX(0) + depthX(workspace.layers)) / 2, y: STREAM.height + 31, "text-anchor": "middle" });
  title.textContent = "layers passed, from the input";
  return [...labels, title];
}

// The greatest sources of all, with a lane or without, and what is left to the others.
function sayStreams(withoutFirst) {
  const { input, row } = streams;
  const sources = [...input.keys()].filter((other) => other !== row && input[other] > 0).sort((a, b) => input[b] - input[a]);
  const named = sources.slice(0, SOURCES_NAMED);
  const rest = sources.slice(SOURCES_NAMED).reduce((sum, other) => sum + input[other], 0);
  const from = named.map((other) => `${percent(input[other])} comes from ${nameStreamRow(other)}`);
  const left = withoutFirst ? ", the first sentence left out" : "";
  const others = rest >= 0.0005 ? [`${percent(rest)} from all others`] : [];
  return `Followed back through ${workspace.layers} layers${left}, ${percent(input[row])} of ${nameStreamRow(row)} is its own input${from.length ? `; ${[...from, ...others].join(", ")}` : ""}.`;
}

function depthAt(across, drawing) {
  const x = (across / drawing.getBoundingClientRect().width) * STREAM.width;
  return clamp(Math.round(((x - STREAM.left) / (STREAM.width - STREAM.left - STREAM.right)) * workspace.layers), 0, workspace.layers);
}

function moveInStreams(event) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step) return;
  event.preventDefault();
  tellDepth(clamp((streams.depth ?? workspace.layers) + step, 0, workspace.layers));
}

function tellDepth(depth) {
  streams.depth = depth;
  const cursor = document.querySelector("#streams .depth-cursor");
  for (const end of ["x1", "x2"]) cursor.setAttribute(end, depthX(depth));
  const parts = streams.shares[depth].map((share, lane) => [share, nameLane(lane)]).filter(([share]) => share >= 0.0005).sort(([a], [b]) => b - a);
  document.getElementById("streams-said").textContent = `After ${depth} of ${workspace.layers} layers: ${parts.map(([share, name]) => `${percent(share)} in ${name}`).join(", ")}.`;
}

function fillStreamTable(withoutFirst) {
  const table = document.querySelector("#streams table");
  const heading = (text) => make("th", { scope: "col", className: "figure" }, text);
  table.tHead.replaceChildren(make("tr", {}, make("th", { scope: "col" }, "Layers passed"), ...streams.shares[0].map((_, lane) => heading(nameLane(lane)))));
  const row = (name, values) => make("tr", {}, make("th", { scope: "row" }, name), ...values.map((value) => make("td", { className: "figure" }, significant(100 * value))));
  const measured = workspace.measures[withoutFirst ? "rollout_without_sink" : "rollout"];
  const named = measured && streams.lanes.map((lane) => measured.values(0)[measured.codes(0)[streams.row * workspace.rows + lane]] || 0);
  table.tBodies[0].replaceChildren(
    ...streams.shares.map((values, depth) => row(String(depth), values)),
    ...(named ? [row("0, rollout over tokens", [...named, Math.max(0, 1 - named.reduce((sum, value) => sum + value, 0))])] : []),
  );
}
