// The tokens of the chosen sentence: a row to move in, and what the focused one, or the chosen pair of sentences, is linked by.

let tokenPanel = null;

function setUpTokens() {
  tokenPanel = document.getElementById("tokens");
  if (!tokens) return;
  tokenPanel.hidden = false;
  showParts(document.getElementById("token_links"));
  tokenPanel.addEventListener("click", clickTokenPanel);
  tokenPanel.addEventListener("keydown", moveInTokens);
  matchMedia("(min-width: 64rem)").addEventListener("change", placeTokenPanel);
  darkScheme.addEventListener("change", showTokens);
  whenChanged(["sentence", "pair", "token"], showTokens);
}

// Beside the text under the lists of links; where there is one column, under the paragraph of the chosen sentence.
function placeTokenPanel() {
  const block = state.sentence === null ? null : sentenceElements[state.sentence].closest(".block");
  if (isSideBySide() || !block) document.getElementById("bench").append(tokenPanel);
  else if (block.localName === "li") block.append(tokenPanel); // a list holds items alone
  else block.after(tokenPanel);
}

function showTokens() {
  const held = tokenPanel.contains(document.activeElement);
  placeTokenPanel();
  showTokenRow();
  const parts = [["token-said", sayFocused()], ["token-lists", listFocused()], ["pair-tokens", listPair()]];
  parts.forEach(([id, found]) => document.getElementById(id).replaceChildren(...found));
  showTokensInText();
  if (held) focusToken();
}

function showTokenRow() {
  const row = document.getElementById("token-row");
  const own = state.sentence === null ? [] : tokensOf(state.sentence);
  document.getElementById("tokens-heading").textContent = state.sentence === null ? "Tokens" : `The ${own.length === 1 ? "one token" : `${own.length} tokens`} of sentence ${state.sentence + 1}`;
  tokenPanel.classList.toggle("empty", state.sentence === null);
  if (row.dataset.sentence !== String(state.sentence)) row.replaceChildren(...own.map(tokenButton));
  row.dataset.sentence = String(state.sentence);
  markTokenRow([...row.children]);
}

function tokenButton(token) {
  const text = textOfToken(token);
  const button = make("button", { type: "button", className: "token-button" }, make("bdi", {}, text.trim()));
  button.dataset.token = token;
  button.classList.toggle("begins", /^\s/u.test(text) || tokens.others.has(token) || token === tokensOf(tokens.sentence[token])[0]);
  const note = noteToken(token);
  button.setAttribute("aria-label", sayToken(token) + (note ? `, ${note}` : ""));
  if (note) button.dataset.note = note;
  return button;
}

// One stop of the tabulator: the focused token, or the first.
function markTokenRow(buttons) {
  const looked = new Map(state.token === null ? [] : linksFrom(state.token).map((link) => [link.key, link.weight]));
  const most = Math.max(...looked.values(), 1e-9);
  const stop = buttons.find((button) => Number(button.dataset.token) === state.token) ?? buttons[0];
  for (const button of buttons) {
    const weight = looked.get(Number(button.dataset.token));
    button.tabIndex = button === stop ? 0 : -1;
    button.setAttribute("aria-pressed", String(Number(button.dataset.token) === state.token));
    button.classList.toggle("looked-at", weight !== undefined && Number(button.dataset.token) !== state.token);
    button.style.setProperty("--strength", ((weight ?? 0) / most).toFixed(3));
  }
}

function chooseToken(token) {
  const sentence = tokens.sentence[token];
  if (sentence < 0) return;
  if (sentence === state.sentence) change({ token });
  else change({ sentence, pair: null, token }, sentence);
}

// From the sentence down to its tokens; false where nothing is known of them.
function enterTokens() {
  if (!tokens || state.sentence === null || !tokensOf(state.sentence).length) return false;
  focusToken();
  return true;
}

function focusToken(place = null) {
  const buttons = [...document.getElementById("token-row").children];
  const button = place === null ? buttons.find(({ tabIndex }) => tabIndex === 0) : buttons[clamp(place, 0, buttons.length - 1)];
  if (!button) return;
  buttons.forEach((other) => { other.tabIndex = other === button ? 0 : -1; });
  button.focus();
}

function moveInTokens(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "Escape") return leaveTokens(event);
  const button = event.target.closest("#token-row button");
  if (!button) return;
  const row = [...button.parentNode.children];
  const towards = getComputedStyle(button.parentNode).direction === "rtl" ? -1 : 1;
  const steps = { ArrowRight: towards, ArrowLeft: -towards, ArrowDown: 1, ArrowUp: -1, Home: -row.length, End: row.length };
  if (!(event.key in steps)) return;
  event.preventDefault();
  focusToken(row.indexOf(button) + steps[event.key]);
}

// The first Escape lets the token go, the second leads back to its sentence in the text.
function leaveTokens(event) {
  event.stopPropagation();
  if (state.token !== null) change({ token: null });
  else sentenceElements[state.sentence]?.focus();
}

function clickTokenPanel(event) {
  const button = event.target.closest("button[data-token]");
  const link = event.target.closest("button[data-behind]");
  const row = event.target.closest("tr[data-pair]");
  if (link) change({ pair: link.dataset.behind.split(" ").map(Number) });
  else if (button) toggleToken(Number(button.dataset.token), button.closest("#token-row"));
  else if (row && !event.target.closest("a, summary")) change({ pair: row.dataset.pair.split(" ").map(Number) });
}

function toggleToken(token, inRow) {
  if (inRow && token === state.token) change({ token: null });
  else chooseToken(token);
  focusToken();
}

// What the focused token does with its attention, in two sentences.
function sayFocused() {
  if (state.token === null) return [];
  const [own, links] = [tokensOf(state.sentence), linksFrom(state.token)];
  const note = noteToken(state.token);
  const place = `, token ${own.indexOf(state.token) + 1} of ${own.length} (number ${state.token} of the document, from 0)${note ? `, ${note}` : ""}. `;
  const all = links.reduce((sum, { weight }) => sum + weight, 0);
  const gives = links.slice(0, 2).map(({ key, weight }) => `${percent(weight)} to ${describeToken(key)}`).join(" and ");
  const said = links.length > 2 ? `It gives ${gives}; its ${links.length} strongest links take ${percent(all)} of its attention.` : `It gives ${gives || "nothing"}.`;
  return [make("bdi", {}, nameToken(state.token)), place, make("bdi", {}, said)];
}

function describeToken(token) {
  const sentence = tokens.sentence[token];
  if (token === state.token) return "itself";
  const note = noteToken(token);
  const where = sentence < 0 || sentence === state.sentence ? "" : ` in sentence ${sentence + 1}`;
  return nameToken(token) + where + (note ? ` (${note})` : "");
}

function listFocused() {
  if (state.token === null) return [];
  const [from, into] = [linksFrom(state.token), linksInto(state.token)];
  const shown = into.slice(0, tokens.ranks);
  const table = make("table", { className: "links token-links" },
    tokenRows(from, "key", "source", "looks at"), tokenRows(shown, "query", "destination", "is looked at by"));
  const more = into.length > shown.length ? `, ${into.length} in all` : "";
  const left = `Weights are means over all layers and heads. Of each token its ${tokens.ranks} strongest links are kept: what it gives to others is not shown, `
    + `and of those that look at it only tokens are known that have it among theirs${more}.`;
  const behind = tokens.behind.filter(({ query }) => query === state.token);
  return [table, make("p", { className: "hint" }, left), ...listBehind(behind, "In single heads this token stands behind these links of its sentence:")];
}

function tokenRows(links, end, direction, title) {
  const headings = [make("span", { className: `key ${direction}` }, title), "weight", "sentence", "where it stands"];
  const most = Math.max(...links.map(({ weight }) => weight), 1e-9);
  const rows = links.map((link) => tokenRow(link, link[end], link.weight / most));
  const nothing = make("tr", {}, make("td", { colSpan: 4, className: "hint" }, "none is known"));
  return make("tbody", { className: direction }, make("tr", { className: "group" }, ...headings.map((words) => make("th", { scope: "col" }, words))), ...(rows.length ? rows : [nothing]));
}

function tokenRow(link, token, strength) {
  const sentence = tokens.sentence[token];
  const number = sentence < 0 ? "none" : make("a", { href: `#sentence-${sentence + 1}` }, String(sentence + 1));
  const row = make("tr", {}, make("td", {}, ...nameAsButton(token)),
    make("td", { className: "bars" }, bar(0, strength), make("span", {}, percent(link.weight))),
    make("td", {}, number), make("td", {}, tokenContext(token)));
  const pair = [tokens.sentence[link.query], tokens.sentence[link.key]];
  if (!pair.includes(-1)) row.dataset.pair = pair.join(" ");
  return row;
}

// A token's name leads to it; what it is beside a word stands under it.
function nameAsButton(token) {
  const text = make("bdi", {}, textOfToken(token).trim());
  const note = token === state.token ? "itself" : noteToken(token);
  const small = note ? [" ", make("small", {}, note)] : [];
  if (tokens.sentence[token] < 0 || token === state.token) return [text, ...small];
  const button = make("button", { type: "button", className: "plain" }, text);
  button.dataset.token = token;
  button.setAttribute("aria-label", `Token ${sayToken(token)} of sentence ${tokens.sentence[token] + 1}`);
  return [button, ...small];
}

function tokenContext(token) {
  const [before, text, after] = contextOf(token);
  return make("bdi", { className: "line" }, before, make("strong", {}, text), after);
}
