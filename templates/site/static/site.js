// The index: search, filters and order over the list that stands in the page. Nothing is fetched; what is chosen stands in the address.

const chosen = { data: [], items: [], fields: {} };
const FIELDS = ["q", "model", "genre", "tag", "length", "sort"];

function start() {
  setUpTables();
  setUpPrinting();
  const data = readData("index-data");
  if (data?.reports.length) setUpIndex(data);
}

function setUpIndex({ reports }) {
  chosen.data = reports.map((report) => ({ ...report, folded: fold(report.text).folded }));
  chosen.items = [...document.querySelectorAll("#reports > li")];
  FIELDS.map((name) => [name, document.getElementById(name)]).filter(([, field]) => field).forEach(([name, field]) => { chosen.fields[name] = field; });
  const controls = document.getElementById("choose");
  controls.hidden = false;
  controls.addEventListener("input", showChosen);
  document.getElementById("clear").addEventListener("click", showAll);
  addEventListener("hashchange", readChosen);
  addEventListener("keydown", goToSearch);
  readChosen();
}

// From the address: what is no field, or no choice that a field has, is passed over.
function readChosen() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  for (const [name, field] of Object.entries(chosen.fields)) {
    field.value = wanted.get(name) ?? "";
    if (field.selectedIndex === -1) field.value = "";
  }
  showList();
}

function showChosen() {
  const asked = new URLSearchParams(Object.entries(chosen.fields).map(([name, field]) => [name, field.value]).filter(([, value]) => value));
  history.replaceState(null, "", `#${asked}`);
  showList();
}

function showAll() {
  Object.values(chosen.fields).forEach((field) => { field.value = ""; });
  showChosen();
  chosen.fields.q.focus();
}

function showList() {
  const found = chosen.data.map(matches);
  chosen.items.forEach((item, place) => { item.hidden = !found[place]; });
  document.getElementById("reports").append(...inOrder().map((place) => chosen.items[place]));
  sayCount(found.filter(Boolean).length);
}

function sayCount(count) {
  const all = chosen.items.length;
  document.getElementById("count").textContent = count === all ? `${all} ${all === 1 ? "report" : "reports"}` : `${count} of ${all} reports`;
  document.getElementById("clear").hidden = count === all;
}

// Every word that is searched for stands somewhere in what is said of the report; each filter fits.
function matches(report) {
  const { q, model, genre, tag, length } = Object.fromEntries(FIELDS.map((name) => [name, chosen.fields[name]?.value ?? ""]));
  const words = fold(q.trim()).folded.split(" ").filter(Boolean);
  return words.every((word) => report.folded.includes(word))
    && (!model || report.model === model)
    && (!genre || report.genre === genre)
    && (!tag || report.tags.includes(tag))
    && (!length || report.length === length);
}

const ORDERS = {
  title: (a, b) => a.title.localeCompare(b.title, "en", { numeric: true }),
  date: (a, b) => (a.date < b.date) - (a.date > b.date),
  longest: (a, b) => b.tokens - a.tokens,
  shortest: (a, b) => a.tokens - b.tokens,
};

// Equals stay as they are listed; what has no number comes last.
function inOrder() {
  const wanted = chosen.fields.sort.value;
  const places = chosen.data.map((_, place) => place);
  if (!wanted) return places;
  const byNumber = (a, b) => compare(a.numbers[wanted] ?? NaN, b.numbers[wanted] ?? NaN, -1);
  const order = Object.hasOwn(ORDERS, wanted) ? ORDERS[wanted] : byNumber;
  return places.sort((a, b) => order(chosen.data[a], chosen.data[b]) || a - b);
}

// "/" searches, unless something is being written; Escape leaves the search as it was before.
function goToSearch(event) {
  const { q } = chosen.fields;
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (event.key === "/" && !event.target.closest("input, select, textarea")) {
    event.preventDefault();
    q.focus();
    q.select();
  } else if (event.key === "Escape" && event.target === q && q.value) {
    event.preventDefault();
    q.value = "";
    showChosen();
  }
}

// Paper has no disclosures to open.
function setUpPrinting() {
  let opened = [];
  addEventListener("beforeprint", () => {
    finishTurns();
    opened = [...document.querySelectorAll("details:not([open])")];
    opened.forEach((element) => { element.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((element) => { element.open = false; }));
}
