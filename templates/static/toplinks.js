// The strongest links of the view: their list, and which pairs the matrix and the text mark.

let topLinks = null;
const TOP_LINKS_SHOW = ["measure", "view", "head", "count", "threshold", "chance", "content"];
const TOP_LINKS_AT_MOST = 50;
const measuredOfView = new Map();
const rankedLinks = { of: null, links: [] };

function setUpTopLinks() {
  topLinks = readData("top-links-data");
  if (!topLinks) return;
  document.querySelector("#top-links tbody").addEventListener("click", clickTopLink);
  whenChanged(TOP_LINKS_SHOW, showTopLinks);
  whenChanged(["pair"], markTopLink);
}

// The pairs that the controls ask for, strongest first.
function listTopLinks() {
  return topLinks ? strongestLinks().slice(0, state.count).map(({ query, key }) => [query, key]) : [];
}

// Shares rank near and long sentences first, and so are ranked by lift; other measures by themselves.
function rankedBy() {
  if (state.chance) return "ratio";
  return OF_SINGLE_HEADS.includes(state.measure) ? "lift" : state.measure;
}

function strongestLinks() {
  const wanted = [state.measure, state.view, shownHead(), state.threshold, state.chance, state.content].join(" ");
  if (rankedLinks.of !== wanted) Object.assign(rankedLinks, { of: wanted, links: rankLinks() });
  return rankedLinks.links;
}

// Measured values where the page has them, those of lift and the mean of heads; else what the matrix shows.
function rankLinks() {
  if (rankedBy() === "lift" && shownHead() === "mean") return measuredLinks().filter((link) => !isUnder(link[state.measure]));
  return strongestCells(rankOfCells(), TOP_LINKS_AT_MOST).map(({ query, key }) => ({
    query, key, share: readCell("share", state.view, query, key), lift: readCell("lift", state.view, query, key),
  }));
}

function rankOfCells() {
  if (rankedBy() !== "lift" || state.measure === "lift") return listPositions();
  const { codes, values } = codesOf("share", state.view);
  return placeCodes(codes, values, "lift", [logarithmsOf(grid())]);
}

function measuredLinks() {
  const { pairs, share, lift } = topLinks[state.content ? "content" : "every"];
  return pairs[state.view].map(([query, key], place) => ({ query, key, share: share[state.view][place], lift: lift[state.view][place] })).filter(({ query }) => query >= 0);
}

// By "query key", of the view on show; of lists with and without the first sentence and sentences on themselves.
function knownLinks() {
  return remember(measuredOfView, state.view, () => new Map([topLinks.every, topLinks.content].flatMap(({ pairs, share, lift }) => (
    pairs[state.view].map((pair, place) => [pair.join(" "), { share: share[state.view][place], lift: lift[state.view][place] }])))));
}

// Where a cell stands for one pair of sentences and a list of strongest links has its measured value, that: so the lists, the text and the readout say the same.
function readKnown(measure, query, key) {
  const single = topLinks && OF_SINGLE_HEADS.includes(measure) && shownHead() === "mean" && gridOf(state.view).group === 1;
  return (single ? knownLinks().get(`${query} ${key}`)?.[measure] : null) ?? readCell(measure, state.view, query, key);
}

function showTopLinks() {
  const rows = strongestLinks().slice(0, state.count).map(topLinkRow);
  const nothing = make("tr", {}, make("td", { colSpan: topLinks.effects ? 7 : 6 }, state.count ? "No pair of sentences is left." : "No links are asked for."));
  const table = document.getElementById("top-links");
  const first = workspace.first_read ? "first sentence of each window" : "first sentence";
  const left = `${first} and the sentence itself ${state.content ? "left out" : "included"}`;
  const least = state.threshold ? `, at least ${sayValue(shownMeasure(), thresholdValue())}` : "";
  table.caption.textContent = `${rows.length} strongest links by ${nameMeasure(rankedBy())}, ${nameView(state.view)}, ${left}${least}`;
  table.tBodies[0].replaceChildren(...(rows.length ? rows : [nothing]));
  markTopLink();
}

function topLinkRow({ query, key, share, lift }) {
  const cell = (...content) => make("td", {}, ...content);
  const number = (sentence) => make("a", { href: `#sentence-${sentence + 1}` }, String(sentence + 1));
  const words = (sentence) => make("bdi", { className: "clamped" }, wordsOf(sentence));
  const row = make("tr", {}, cell(number(query)), cell(number(key)),
    make("td", { className: "figure" }, significant(100 * share)), make("td", { className: "figure" }, significant(lift)),
    ...(topLinks.effects ? [make("td", { className: "figure" }, sayNats(query, key))] : []), cell(words(query)), cell(words(key)));
  row.dataset.pair = `${query} ${key}`;
  return row;
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
