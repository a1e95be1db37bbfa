// Long lists in turns: what is seen first at once, the others while nobody waits, so that each click is answered at once.

const AT_ONCE = 21; // more than are seen at once
const turns = new Map(); // what is under way, by the element whose list it is: {next, rest}
const [whenIdle, notWhenIdle] = window.requestIdleCallback ? [(next) => requestIdleCallback(next, { timeout: 300 }), cancelIdleCallback] : [(next) => setTimeout(next, 20), clearTimeout];

// `step` is called with each of the items and its place, of the first `many` at once; a new list for the same element takes the place of the one before.
function inTurns(element, items, step, many = AT_ONCE, from = 0) {
  notWhenIdle(turns.get(element)?.next);
  const end = Math.min(items.length, from + many);
  for (let place = from; place < end; place++) step(items[place], place);
  const over = end === items.length;
  element.toggleAttribute("data-under-way", !over);
  if (over) return turns.delete(element);
  return turns.set(element, { next: whenIdle(() => inTurns(element, items, step, AT_ONCE, end)), rest: () => items.slice(end).forEach((item, place) => step(item, end + place)) });
}

// Before a page is printed or its tables are read.
function finishTurns() {
  for (const [element, { next, rest }] of turns) {
    notWhenIdle(next);
    rest();
    element.removeAttribute("data-under-way");
  }
  turns.clear();
}

// Puts a table's rows in this order; what stands in its place already is left alone.
function placeRows(body, rows, change = () => {}) {
  inTurns(body, rows, (row, place) => {
    change(row);
    if (body.children[place] !== row) body.insertBefore(row, body.children[place]);
  });
}
