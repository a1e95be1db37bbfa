// The controls over the matrix: each changes one thing, and shows what an address or another control has changed.

const control = (id) => document.getElementById(id);

function setUpControls() {
  control("measure").addEventListener("change", (event) => change({ measure: event.target.value, threshold: 0 }));
  control("layer").addEventListener("input", (event) => changeView(Number(event.target.value)));
  control("layer-number").addEventListener("change", changeLayerNumber);
  control("head").addEventListener("change", (event) => change({ head: event.target.value in { mean: 0, max: 0 } ? event.target.value : Number(event.target.value) }));
  control("count").addEventListener("input", (event) => changeNumber(event, "count", topLinks.count));
  control("each").addEventListener("input", (event) => changeNumber(event, "each", 50));
  control("threshold").addEventListener("input", (event) => change({ threshold: Number(event.target.value) }));
  control("chance").addEventListener("change", (event) => change({ chance: event.target.checked, threshold: 0 }));
  control("content").addEventListener("change", (event) => change({ content: event.target.checked }));
  document.querySelector(".count-control").hidden = !topLinks;
  document.querySelector(".head-control").hidden = !workspace.heads;
  if (topLinks) control("count").max = topLinks.count;
  offerHeads();
  whenChanged(Object.keys(state), showControls);
}

// Numbers of heads stand for those of the chosen layer.
function offerHeads() {
  const numbers = Array.from({ length: workspace.heads?.count ?? 0 }, (_, head) => make("option", { value: String(head) }, `head ${head}`));
  control("head").append(...numbers);
}

// A single head is one of a layer; without a layer there is none.
function changeView(view) {
  change({ view, head: view === 0 && typeof state.head === "number" ? "mean" : state.head });
}

function changeLayerNumber(event) {
  const { value } = event.target;
  changeView(value === "" ? 0 : clamp(Math.round(Number(value)), 0, workspace.layers - 1) + 1);
}

function changeNumber(event, name, most) {
  if (event.target.value !== "") change({ [name]: clamp(Math.round(Number(event.target.value)), 0, most) });
}

// Whatever shows single heads can open one, in the measure on show where heads have it.
function openHead(layer, head) {
  change({ view: layer + 1, head, measure: OF_SINGLE_HEADS.includes(state.measure) ? state.measure : "share" });
}

function showControls() {
  control("measure").value = state.measure;
  control("layer").value = state.view;
  control("layer").setAttribute("aria-valuetext", nameLayer(state.view));
  control("layer-number").value = state.view === 0 ? "" : state.view - 1;
  control("layer-name").textContent = nameLayer(state.view);
  showHeadControl();
  for (const name of ["count", "each"]) if (document.activeElement !== control(name)) control(name).value = state[name];
  const least = state.threshold ? `at least ${sayValue(shownMeasure(), thresholdValue())}` : "none";
  control("threshold").value = state.threshold;
  control("threshold").setAttribute("aria-valuetext", least);
  control("threshold-value").textContent = least;
  control("chance").checked = state.chance;
  control("content").checked = state.content;
  document.querySelectorAll(".measure-notes .note").forEach((note) => { note.hidden = !note.dataset.measure.split(" ").includes(noteNeeded()); });
  sayGroup(grid().group);
}

function sayGroup(group) {
  const note = document.getElementById("grouped");
  note.hidden = group === 1;
  note.querySelector("span").textContent = group;
}

function showHeadControl() {
  const one = OF_SINGLE_HEADS.includes(state.measure);
  control("head").value = String(shownHead());
  control("head").disabled = !one;
  control("head-note").textContent = one ? "" : "only of share and lift";
  for (const option of control("head").options) option.disabled = state.view === 0 && !["mean", "max"].includes(option.value);
}

// Single heads are rounded otherwise than means, whichever their measure.
function noteNeeded() {
  return shownHead() === "mean" ? state.measure : "heads";
}
