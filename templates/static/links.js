// Links as lists: those of the chosen sentence, and the one cell being looked at.

function setUpLinks() {
  document.getElementById("chosen-links").addEventListener("click", clickChosenLink);
  whenChanged(["sentence", "pair", "measure", "view", "head", "each", "threshold", "chance", "content"], showChosenLinks);
  whenChanged(["sentence", "pair", "measure", "view", "head", "chance", "content"], () => showReadout(state.pair));
}

function showReadout(cell) {
  const readout = document.getElementById("readout");
  if (!cell) return showLoneSentence(readout);
  const [query, key] = cell;
  const words = make("p", { className: "said" }, sayCell(query, key));
  if (isLeftOut(query, key)) words.append(" The switch leaves this cell out of lists and tints.");
  return readout.replaceChildren(words, quote(query, "looks"), quote(key, "is looked at"));
}

function showLoneSentence(readout) {
  const hint = make("p", { className: "hint" }, "Point at a cell, or choose a link, to read both of its sentences.");
  if (state.sentence === null) return readout.replaceChildren(hint);
  const words = make("p", { className: "said" }, saySentence(state.sentence));
  return readout.replaceChildren(words, quote(state.sentence, "reads"), hint);
}

function quote(sentence, role) {
  const number = make("a", { href: `#sentence-${sentence + 1}` }, String(sentence + 1));
  return make("p", { className: "quote" }, number, ` ${role} `, make("bdi", {}, wordsOf(sentence)));
}

function showChosenLinks() {
  const container = document.getElementById("chosen-links");
  const heading = document.getElementById("chosen-heading");
  if (state.sentence === null) {
    heading.textContent = "No sentence is chosen";
    return container.replaceChildren(make("p", { className: "hint" }, "Choose one in the text or in the matrix."));
  }
  heading.textContent = `Links of ${nameRow(state.sentence)}, ${nameView(state.view)}, strongest ${nameMeasure(shownMeasure())} first`;
  const groups = [["source", "looks at"], ["destination", "is looked at by"]];
  const bodies = groups.map(([direction, title]) => groupRows(findStrongest(state.sentence, direction, state.each), direction, title));
  return container.replaceChildren(make("table", { className: "links chosen-links" }, ...bodies));
}

function groupRows(links, direction, title) {
  const titles = [make("span", { className: `key ${direction}` }, title), ...shownColumns().map(({ name }) => name), make("span", { className: "unseen" }, "text")];
  const headings = titles.map((content) => make("th", { scope: "col" }, content));
  const largest = Math.max(...links.map(({ query, key }) => readKnown("share", query, key)), 1e-9);
  const rows = links.map((link) => linkRow(link, largest));
  const nothing = make("tr", {}, make("td", { colSpan: headings.length, className: "hint" }, sayNothing()));
  return make("tbody", { className: direction }, make("tr", { className: "group" }, ...headings), ...(rows.length ? rows : [nothing]));
}

function sayNothing() {
  if (state.each === 0) return "no links are asked for";
  if (state.threshold) return `nothing reaches ${sayValue(shownMeasure(), thresholdValue())}`;
  return { effect: "none was hidden", flow: "none was computed" }[state.measure] ?? "nothing on this scale";
}

// Share and lift stand in every list; the measure on show and what chance gives are added.
function shownColumns() {
  const other = state.measure in workspace.measures && !["share", "effect"].includes(state.measure);
  return [
    { name: "share", className: "bars", fill: shareCell },
    { name: "lift", className: "bars lift", fill: liftCell },
    ...(other ? [{ name: nameMeasure(state.measure), className: "nats", fill: ({ query, key }) => [sayValue(state.measure, readCell(state.measure, state.view, query, key))] }] : []),
    ...(workspace.measures.effect && (!state.chance || state.measure === "effect") ? [{ name: "effect, nats", className: "nats", fill: ({ query, key }) => [sayNats(query, key)] }] : []),
    ...(state.chance ? [
      { name: "even", className: "nats chance", fill: ({ query, key }) => [percent(readEven(query, key))] },
      { name: "as far apart", className: "nats chance", fill: ({ query, key }) => [sayValue(state.measure, readChance(query, key))] },
      { name: "ratio", className: "nats chance", fill: ({ query, key }) => [times(readShown(query, key))] },
    ] : []),
  ];
}

function shareCell({ query, key }, largest) {
  const share = readKnown("share", query, key);
  return [bar(0, share / largest), make("span", {}, share ? percent(share) : "≈ 0")];
}

function liftCell({ query, key }) {
  const lift = readKnown("lift", query, key);
  return [liftBar(lift), make("span", {}, lift ? times(lift) : "≈ 0")];
}

function linkRow(link, largest) {
  const { query, key, other } = link;
  const number = make("a", { href: `#sentence-${other + 1}` }, numberRow(other));
  const row = make("tr", {}, make("td", {}, number),
    ...shownColumns().map(({ className, fill }) => make("td", { className }, ...fill(link, largest))),
    make("td", {}, make("bdi", { className: "line" }, wordsOf(other))));
  row.dataset.pair = `${query} ${key}`;
  row.classList.toggle("chosen-row", row.dataset.pair === state.pair?.join(" "));
  return row;
}

function bar(from, to) {
  const fill = make("i", {});
  fill.style.left = `${100 * Math.min(from, to)}%`;
  fill.style.width = `${100 * Math.abs(to - from)}%`;
  return make("span", { className: "bar" }, fill);
}

// Doublings over or under 1, which stands in the middle.
function liftBar(lift) {
  return bar(0.5, clamp(positionOf("lift", lift), 0, 1));
}

function clickChosenLink(event) {
  const row = event.target.closest("tr[data-pair]");
  if (row && !event.target.closest("a")) change({ pair: row.dataset.pair.split(" ").map(Number) });
}

function sayNats(query, key) {
  const nats = readCell("effect", state.view, query, key);
  return Number.isNaN(nats) ? "not measured" : significant(nats);
}
