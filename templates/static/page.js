// Where the script begins: parts that need it are shown, each part is set up, the opening view is chosen.

async function start() {
  await unpackData();
  setUpUnits();
  setUpKeys();
  setUpTables();
  setUpHeads();
  setUpAttributedTokens();
  setUpDialogs();
  setUpContents();
  setUpExports();
  stayInFrame();
  setUpPrinting();
  showParts(document.querySelector(".topbar"));
  if (heads.data) showParts(document.getElementById("head_roles"));
  document.querySelectorAll(".attribution-agreement, .layer-progression").forEach(showParts);
  await openWorkspace();
  setUpFormulas();
}

function showParts(container) {
  container?.querySelectorAll(".for-scripts").forEach((element) => { element.hidden = false; });
}

async function openWorkspace() {
  const data = readData("workspace-data");
  if (!data) return;
  await Promise.all([loadWorkspace(data), loadTokens()]);
  document.querySelector(".needs-scripts").remove();
  showParts(document.getElementById("sentence_matrix"));
  ["top_links", "head_matrices", "flow"].forEach((name) => showParts(document.getElementById(name)));
  [setUpTopLinks, setUpLinks, setUpControls, setUpText, setUpSearch, setUpArcs, setUpMatrix, setUpMatrixExports, setUpOpenHeads, setUpModelView, setUpStreams, setUpMentions, setUpTokens].forEach((setUp) => setUp());
  whenChanged(["measure"], warmViews);
  openAt(data.opening);
  warmAhead();
}

// An address that asks for something gets it; otherwise the page opens on the link it was given, scrolled to its top.
function openAt(opening) {
  addEventListener("hashchange", () => { if (addressHasState()) obeyAddress(); });
  if (addressHasState()) return obeyAddress();
  Object.assign(state, { sentence: opening[0], pair: opening });
  return tell(Object.keys(state), null);
}

function obeyAddress() {
  const wanted = readAddress();
  change(wanted, wanted.sentence);
}

// Paper has no disclosures to open. What fills itself when it is opened hears of that at once: its own event would come when the paper has been taken.
function setUpPrinting() {
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    opened.forEach((element) => {
      element.open = true;
      element.dispatchEvent(new Event("toggle"));
    });
    finishTurns();
  });
  addEventListener("afterprint", () => opened.forEach((element) => { element.open = false; }));
}
