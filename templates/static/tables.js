// Tables that sort: the heading of each column is a button, and says which way it sorts.

function setUpTables() {
  document.querySelectorAll("table.sortable").forEach(setUpTable);
}

function setUpTable(table) {
  table.querySelectorAll("th[data-sorts]").forEach((heading) => {
    const button = make("button", { type: "button" }, ...heading.childNodes);
    button.addEventListener("click", () => sortBy(table, heading));
    heading.append(button);
  });
}

// Numbers and heads sort largest first at the first press, text from A.
function sortBy(table, heading) {
  const first = heading.dataset.sorts === "text" ? "ascending" : "descending";
  const other = first === "descending" ? "ascending" : "descending";
  const direction = heading.getAttribute("aria-sort") === first ? other : first;
  table.querySelectorAll("th[aria-sort]").forEach((sorted) => sorted.removeAttribute("aria-sort"));
  heading.setAttribute("aria-sort", direction);
  sortAgain(table);
}

// Puts the rows in the order their headings announce, after a press or after the figures have changed.
function sortAgain(table) {
  if (table.id === "head-table") return showHeadTable();
  const heading = table.querySelector("th[aria-sort]");
  const read = READ_AS[heading.dataset.sorts];
  return placeRows(table.tBodies[0], sortRows([...table.tBodies[0].rows], heading, (row) => read(row.cells[heading.cellIndex])));
}

const READ_AS = { number: readNumber, head: readHeadName, text: (cell) => cell?.textContent.trim() ?? "" };

function sortRows(rows, heading, keyOf) {
  const sign = heading.getAttribute("aria-sort") === "ascending" ? 1 : -1;
  return rows.map((row) => ({ row, key: keyOf(row) })).sort((a, b) => compare(a.key, b.key, sign)).map(({ row }) => row);
}

// What has no number stays at the end, whichever way the rest is sorted.
function compare(a, b, sign) {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
  return sign * (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b);
}

// A row whose cells span several columns, such as one that says there is nothing, has no cell there.
function readNumber(cell) {
  return parseFloat((cell?.dataset.value ?? cell?.textContent ?? "").replace(/,/g, "").replace(/−/g, "-"));
}

// 3.11 is the eleventh head of layer 3, after 3.2.
function readHeadName(cell) {
  const [layer, head] = cell.textContent.split(".").map(Number);
  return 1000000 * layer + head;
}
