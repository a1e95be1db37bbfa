// The controls over the matrix: each changes one thing, and shows what an address or another control has changed.

function setUpControls() {
  const find = (id) => document.getElementById(id);
  find("measure").addEventListener("change", (event) => change({ measure: event.target.value }));
  find("layer").addEventListener("input", (event) => change({ view: Number(event.target.value) }));
  find("layer-number").addEventListener("change", changeLayerNumber);
  find("count").addEventListener("input", changeCount);
  find("content").addEventListener("change", (event) => change({ content: event.target.checked }));
  document.querySelector(".count-control").hidden = !topLinks;
  if (topLinks) find("count").max = topLinks.count;
  whenChanged(["measure", "view", "count", "content"], showControls);
}

function changeLayerNumber(event) {
  const { value } = event.target;
  change({ view: value === "" ? 0 : clamp(Math.round(Number(value)), 0, workspace.layers - 1) + 1 });
}

function changeCount(event) {
  if (event.target.value !== "") change({ count: clamp(Math.round(Number(event.target.value)), 0, topLinks.count) });
}

function showControls() {
  const find = (id) => document.getElementById(id);
  find("measure").value = state.measure;
  find("layer").value = state.view;
  find("layer").setAttribute("aria-valuetext", nameView(state.view));
  find("layer-number").value = state.view === 0 ? "" : state.view - 1;
  find("layer-name").textContent = nameView(state.view);
  if (document.activeElement !== find("count")) find("count").value = state.count;
  find("content").checked = state.content;
  document.querySelectorAll(".measure-notes .note").forEach((note) => { note.hidden = note.dataset.measure !== state.measure; });
}
