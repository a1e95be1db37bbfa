// Matches in the text, marked without a change to it where the browser can (custom highlights), else as <mark> elements.

const PAINTED = ["found", "found-current"];

function canPaint() {
  return "highlights" in CSS;
}

// The characters from `start` to `end` of an element's text, whatever elements that text stands in.
function textRange(element, start, end) {
  const range = document.createRange();
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let begun = false;
  let before = 0;
  while (walker.nextNode()) {
    const after = before + walker.currentNode.length;
    if (!begun && start < after) {
      range.setStart(walker.currentNode, start - before);
      begun = true;
    }
    if (end <= after) {
      range.setEnd(walker.currentNode, end - before);
      return range;
    }
    before = after;
  }
  return range;
}

function mark() {
  if (canPaint()) return CSS.highlights.set(PAINTED[0], new Highlight(...search.matches.map(({ range }) => range)));
  // From the last to the first, so that places before a mark stay where they are.
  return search.matches.slice().reverse().forEach(wrap);
}

// A range is lost where its text moves into an element or out of one, as tokens do that are lit up.
function markAgain() {
  if (!search.matches.length || !canPaint()) return;
  search.matches.forEach((match) => { match.range = rangeOfMatch(match); });
  mark();
  if (search.at >= 0) markCurrent();
}

function wrap(match) {
  match.mark = document.createElement("mark");
  match.mark.append(match.range.extractContents());
  match.range.insertNode(match.mark);
}

function markCurrent() {
  const current = search.matches[search.at];
  if (canPaint()) {
    const painted = new Highlight(current.range);
    painted.priority = 1;
    return CSS.highlights.set(PAINTED[1], painted);
  }
  return search.matches.forEach((match) => match.mark.classList.toggle("current", match === current));
}

function unmark() {
  if (canPaint()) return PAINTED.forEach((name) => CSS.highlights.delete(name));
  return search.matches.forEach(({ mark: element }) => {
    const { parentNode } = element;
    element.replaceWith(...element.childNodes);
    parentNode.normalize();
  });
}
