// Links as lists: those of the chosen sentence, the strongest of the view, and the one cell being looked at.

let topLinks = null;

function setUpLinks() {
  topLinks = readData("top-links-data");
  document.getElementById("top-links")?.querySelector("tbody").addEventListener("click", clickTopLink);
  document.getElementById("chosen-links").addEventListener("click", clickChosenLink);
  whenChanged(["sentence", "pair", "measure", "view", "content"], showChosenLinks);
  whenChanged(["sentence", "pair", "measure", "view", "content"], () => showReadout(state.pair));
  if (!topLinks) return;
  whenChanged(["view", "count", "content"], showTopLinks);
  whenChanged(["pair"], markTopLink);
}

// The pairs that the controls ask for, strongest lift first.
function listTopLinks() {
  if (!topLinks) return [];
  const pairs = topLinks[state.content ? "content" : "every"].pairs[state.view];
  return pairs.slice(0, state.count).filter(([query]) => query >= 0);
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
  heading.textContent = `Links of ${nameRow(state.sentence)}, ${nameView(state.view)}, strongest ${nameMeasure(state.measure)} first`;
  const groups = [["source", "looks at"], ["destination", "is looked at by"]];
  const bodies = groups.map(([direction, title]) => groupRows(findStrongest(state.sentence, direction, SHOWN), direction, title));
  return container.replaceChildren(make("table", { className: "links chosen-links" }, ...bodies));
}

function groupRows(links, direction, title) {
  const titles = [make("span", { className: `key ${direction}` }, title), "share", "lift", ...(workspace.measures.effect ? ["effect, nats"] : []), make("span", { className: "unseen" }, "text")];
  const headings = titles.map((content) => make("th", { scope: "col" }, content));
  const largest = Math.max(...links.map(({ query, key }) => readCell("share", state.view, query, key)), 1e-9);
  const rows = links.map((link) => linkRow(link, largest));
  const nothing = make("tr", {}, make("td", { colSpan: headings.length, className: "hint" }, state.measure === "effect" ? "none was hidden" : "nothing on this scale"));
  return make("tbody", { className: direction }, make("tr", { className: "group" }, ...headings), ...(rows.length ? rows : [nothing]));
}

function linkRow({ query, key, other }, largest) {
  const share = readCell("share", state.view, query, key);
  const lift = readCell("lift", state.view, query, key);
  const number = make("a", { href: `#sentence-${other + 1}` }, numberRow(other));
  const row = make("tr", {},
    make("td", {}, number),
    make("td", { className: "bars" }, bar(0, share / largest), make("span", {}, share ? percent(share) : "≈ 0")),
    make("td", { className: "bars lift" }, liftBar(lift), make("span", {}, share ? times(lift) : "≈ 0")),
    ...(workspace.measures.effect ? [make("td", { className: "nats" }, sayNats(query, key))] : []),
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

function showTopLinks() {
  const kept = topLinks[state.content ? "content" : "every"];
  const rows = listTopLinks().map((pair, place) => topLinkRow(pair, kept.share[state.view][place], kept.lift[state.view][place]));
  const nothing = make("tr", {}, make("td", { colSpan: topLinks.effects ? 7 : 6 }, state.count ? "No pair of sentences is left." : "No links are asked for."));
  const table = document.getElementById("top-links");
  const left = state.content ? "first sentence and the sentence itself left out" : "first sentence and the sentence itself included";
  table.caption.textContent = `${rows.length} strongest links by lift, ${nameView(state.view)}, ${left}`;
  table.tBodies[0].replaceChildren(...(rows.length ? rows : [nothing]));
  markTopLink();
}

function topLinkRow([query, key], share, lift) {
  const cell = (...content) => make("td", {}, ...content);
  const number = (sentence) => make("a", { href: `#sentence-${sentence + 1}` }, String(sentence + 1));
  const words = (sentence) => make("bdi", { className: "clamped" }, wordsOf(sentence));
  const row = make("tr", {}, cell(number(query)), cell(number(key)),
    make("td", { className: "figure" }, significant(100 * share)), make("td", { className: "figure" }, significant(lift)),
    ...(topLinks.effects ? [make("td", { className: "figure" }, sayNats(query, key))] : []), cell(words(query)), cell(words(key)));
  row.dataset.pair = `${query} ${key}`;
  return row;
}

function sayNats(query, key) {
  const nats = readCell("effect", state.view, query, key);
  return Number.isNaN(nats) ? "not measured" : significant(nats);
}

function markTopLink() {
  for (const row of document.querySelectorAll("#top-links tr[data-pair]")) {
    row.classList.toggle("chosen-row", row.dataset.pair === state.pair?.join(" "));
  }
}

function clickTopLink(event) {
  const row = event.target.closest("tr[data-pair]");
  if (!row || event.target.closest("a")) return;
  const pair = row.dataset.pair.split(" ").map(Number);
  chooseSentence(pair[0], { pair, reveal: null });
}
