// Tokens lit up in the text: wrapped in marks, and unwrapped again.

function unmarkTokens() {
  document.querySelectorAll("mark.token").forEach((mark) => {
    const parent = mark.parentNode;
    mark.replaceWith(...mark.childNodes);
    parent.normalize();
  });
}

// `wanted` are {token, role, weight, strength}; of tokens that share a character the first is marked.
function markTokens(wanted) {
  const bySentence = new Map();
  for (const mark of wanted) {
    const sentence = tokens.sentence[mark.token];
    if (sentence >= 0 && tokens.start[mark.token] < tokens.end[mark.token]) bySentence.set(sentence, [...(bySentence.get(sentence) ?? []), mark]);
  }
  for (const [sentence, marks] of bySentence) markSentence(sentenceElements[sentence].querySelector(".words"), marks);
}

function markSentence(words, marks) {
  let reached = 0;
  for (const mark of marks.sort((a, b) => tokens.start[a.token] - tokens.start[b.token])) {
    const [start, end] = [tokens.start[mark.token], tokens.end[mark.token]];
    const spaces = wholeText(tokens.sentence[mark.token]).slice(start, end).match(/^\s*/)[0].length;
    const from = start + spaces < end ? start + spaces : start;
    if (from < reached) continue;
    reached = end;
    wrapToken(words, from, end, mark);
  }
}

// Other marks may stand in the text, so a token may lie in several pieces of it.
function wrapToken(words, start, end, mark) {
  const walker = document.createTreeWalker(words, NodeFilter.SHOW_TEXT);
  const pieces = [];
  for (let place = 0, node = walker.nextNode(); node; place += node.data.length, node = walker.nextNode()) {
    const [from, to] = [Math.max(start - place, 0), Math.min(end - place, node.data.length)];
    if (from < to) pieces.push([node, from, to]);
  }
  for (const [place, [node, from, to]] of pieces.entries()) {
    const piece = from ? node.splitText(from) : node;
    if (to - from < piece.data.length) piece.splitText(to - from);
    const element = make("mark", { className: `token ${mark.role}` });
    element.dataset.token = mark.token;
    if (mark.weight && place === pieces.length - 1) element.dataset.weight = percent(mark.weight);
    if (mark.strength) element.style.setProperty("--strength", mark.strength.toFixed(3));
    piece.replaceWith(element);
    element.append(piece);
  }
}

// Of the focused token: itself, what it looks at, what looks at it. Of a pair: the tokens of its strongest links.
function listMarks() {
  if (state.token !== null) {
    const [from, into] = [linksFrom(state.token), linksInto(state.token).slice(0, tokens.ranks)];
    const marks = (links, role, end) => links.map((link) => ({ token: link[end], role, weight: link.weight, strength: link.weight / links[0].weight }));
    const others = [...marks(from, "looked-at", "key"), ...marks(into, "looks-here", "query")].filter(({ token }) => token !== state.token);
    return [{ token: state.token, role: "focused" }, ...others];
  }
  if (!state.pair) return [];
  const behind = behindLink(...state.pair);
  const links = linksBetween(...state.pair).slice(0, tokens.ranks);
  const ends = [...(behind ? [behind.query, behind.key] : []), ...links.flatMap(({ query, key }) => [query, key])];
  return [...new Set(ends)].map((token) => ({ token, role: "of-link" }));
}

function showTokensInText() {
  unmarkTokens();
  document.getElementById("text").classList.toggle("of-token", state.token !== null);
  markTokens(listMarks());
  markAgain();
}

// The token of the chosen sentence that lies under the pointer; null where the browser cannot tell.
function tokenAt(event) {
  const words = event.target.closest(".words");
  const caret = document.caretPositionFromPoint?.(event.clientX, event.clientY);
  if (!tokens || !words || !caret || !words.contains(caret.offsetNode)) return null;
  const before = document.createRange();
  before.setStart(words, 0);
  before.setEnd(caret.offsetNode, caret.offset);
  const place = before.toString().length;
  const own = tokensOf(state.sentence).filter((token) => tokens.start[token] < tokens.end[token]);
  return own.find((token) => place < tokens.end[token]) ?? own.at(-1) ?? null;
}
