// The numbers that this page holds, as one file: what it says, its tables, its charts' rows, heads, links, and the matrices of the whole model.

const ABOUT_NUMBERS = "What the page of this report holds. Tables are as printed, to three significant digits; matrices are rounded as the page says under "
  + "them and are of the whole model, null where nothing was computed, 0 below the scale. All results to six digits, single layers too, are written by "
  + "reportgen render X.npz -o OUT.html --json OUT.json from the measurements file.";

async function gatherNumbers() {
  finishTurns();
  const { charts } = await readCharts();
  const sections = [...document.querySelectorAll("main > section[data-part]")];
  return {
    schema: "page-1",
    about: ABOUT_NUMBERS,
    title: document.querySelector("h1").textContent,
    subtitle: document.querySelector(".subtitle").textContent,
    provenance: Object.fromEntries([...document.querySelectorAll(".provenance dt")].map((term) => [term.textContent, term.nextElementSibling.textContent])),
    notices: [...document.querySelectorAll(".notices li")].map((notice) => notice.textContent),
    sentences: [...document.querySelectorAll(".words")].map((words) => words.textContent.trim()),
    analyses: Object.fromEntries(sections.map((section) => [section.id, gatherSection(section, charts)])),
    heads: readData("heads-data"),
    top_links: readData("top-links-data"),
    matrices: workspace ? gatherMatrices() : null,
  };
}

function gatherSection(section, charts) {
  const own = Object.entries(charts).filter(([name]) => section.querySelector(`[data-chart="${CSS.escape(name)}"]`));
  return {
    question: section.querySelector("h2").textContent,
    finding: section.querySelector(".finding").textContent,
    caveat: section.querySelector(".caveat")?.textContent ?? null,
    tables: [...section.querySelectorAll("table:not(#head-grid, .chosen-links, #chosen-head table, #streams table)")].map(gatherTable),
    charts: Object.fromEntries(own.map(([name, spec]) => [name, listSources(spec)])),
  };
}

function gatherTable(table) {
  const columns = [...(table.tHead?.rows ?? [])].flatMap(textsOfRow);
  return { caption: table.caption?.textContent.trim() ?? null, columns, rows: rowsOfTable(table) };
}

// Of a table that a filter narrows, and of one that is filled when it is opened, the rows are those of the data, whatever stands in it now.
function rowsOfTable(table) {
  if (table.id === "head-table" && heads.data) return heads.names.map(headTexts);
  if (table.closest("#token-values")) return listTokenValues().map(({ texts }) => texts);
  return [...table.tBodies].flatMap((body) => [...body.rows].map(textsOfRow));
}

function textsOfRow(row) {
  return [...row.cells].map((cell) => cell.textContent.trim());
}

// Of the whole model: rows look, columns are looked at. Effects, which few links have, as [query, key, nats], all counted from 0.
function gatherMatrices() {
  const { effect, flow, ...measures } = workspace.measures;
  const { expected, group } = workspace;
  const read = ({ codes, values }) => Array.from(codes(0), (code) => values(0)[code]);
  const named = Object.fromEntries(Object.entries(measures).map(([measure, packed]) => [measure, inRows(read(packed))]));
  const lift = inRows(read(measures.share).map((share, cell) => share / expected[cell]));
  return { sentences_per_row: group, ...named, lift, ...(effect ? { effect: readData("workspace-data").effects } : {}) };
}

function inRows(cells) {
  const { rows } = workspace;
  return Array.from({ length: rows }, (_, row) => cells.slice(row * rows, (row + 1) * rows).map(round));
}
