// The tokens behind a link between two sentences: the greatest weight of a single head, the strongest links over all, and which heads look there.

const HEADS_NAMED = 12;

function listPair() {
  if (state.sentence === null) return [];
  if (!state.pair) {
    const own = tokens.behind.filter(({ query }) => tokens.sentence[query] === state.sentence);
    return listBehind(own, "Greatest single weights behind links of this sentence, of those that the lists of strongest links show:");
  }
  const [query, key] = state.pair;
  const heading = make("h4", {}, query === key ? `Within sentence ${query + 1}` : `From sentence ${query + 1} to sentence ${key + 1}`);
  return [heading, ...behindPair(query, key), ...betweenPair(query, key), ...headsOfPair(query, key)];
}

// Buttons that choose a pair of sentences.
function listBehind(found, words) {
  if (!found.length) return [];
  const items = found.map((link) => {
    const pair = [tokens.sentence[link.query], tokens.sentence[link.key]];
    const button = make("button", { type: "button", className: "plain" }, `sentence ${pair[1] + 1}`);
    button.dataset.behind = pair.join(" ");
    button.setAttribute("aria-pressed", String(pair.join(" ") === state.pair?.join(" ")));
    return make("li", {}, button, `: head ${nameOfHead(link)} at `, make("bdi", {}, nameToken(link.query)), " looks at ", make("bdi", {}, nameToken(link.key)), sayWeight(link));
  });
  return [make("p", { className: "list-words" }, words), make("ul", { className: "behind" }, ...items)];
}

function nameOfHead({ layer, head }) {
  return `${layer}.${head}`;
}

function sayWeight({ weight }) {
  return Number.isNaN(weight) ? "" : `, weight ${significant(weight, 2)}`;
}

function behindPair(query, key) {
  const link = behindLink(query, key);
  if (link) return [neuronFigure(link)];
  const words = tokens.behind.length
    ? `Queries and keys were stored for the ${tokens.behind.length} links that the lists of strongest links can show; this pair is none of them.`
    : "Queries and keys behind links were not stored for this document.";
  return [make("p", { className: "hint" }, words)];
}

function betweenPair(query, key) {
  const links = linksBetween(query, key);
  if (!links.length) {
    const words = `Over all layers and heads, no token of sentence ${query + 1} has one of sentence ${key + 1} among its ${tokens.ranks} strongest links: each such link is weaker than these.`;
    return [make("p", {}, words)];
  }
  const shown = links.slice(0, tokens.ranks);
  const table = make("table", { className: "links token-links between" }, betweenRows(shown));
  const words = `Only links among the ${tokens.ranks} strongest of a token are known${links.length > shown.length ? `; ${shown.length} of ${links.length} are shown` : ""}.`;
  return [table, make("p", { className: "hint" }, words)];
}

function betweenRows(links) {
  const headings = ["token", "weight, all heads", "looks at", "where it stands"].map((words) => make("th", { scope: "col" }, words));
  const rows = links.map(({ query, key, weight }) => make("tr", {},
    make("td", {}, ...nameAsButton(query)), make("td", { className: "bars" }, bar(0, weight / links[0].weight), make("span", {}, percent(weight))),
    make("td", {}, ...nameAsButton(key)), make("td", {}, tokenContext(key))));
  return make("tbody", { className: "source" }, make("tr", { className: "group" }, ...headings), ...rows);
}

function headsOfPair(query, key) {
  if (query === key) return [];
  const found = headsLooking(query, key);
  if (!found) return [];
  const heads = tokens.heads.length / workspace.sentences;
  const count = found.reduce((sum, [, names]) => sum + names.length, 0);
  const words = `Of ${heads} heads, ${count || "none"} look${count === 1 ? "s" : ""} more at a token of sentence ${key + 1} than at any other token but sinks${count ? ":" : "."}`;
  const items = found.slice(0, tokens.ranks).map(([token, names]) => make("li", {}, make("bdi", {}, nameToken(token)), `: ${nameHeads(names)}`));
  return [make("p", { className: "list-words" }, words), ...(items.length ? [make("ul", { className: "behind" }, ...items)] : [])];
}

function nameHeads(names) {
  const shown = names.slice(0, HEADS_NAMED).join(", ");
  return names.length > HEADS_NAMED ? `${shown} and ${names.length - HEADS_NAMED} more` : shown;
}
