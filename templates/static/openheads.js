// Heads by name, in the table of heads and among the examples, open that head; the grid of heads follows what is open.

function setUpOpenHeads() {
  if (!heads.data || !workspace.heads) return;
  document.querySelectorAll("#head-table tbody th, .head-name, .examples td.figure:nth-child(2)").forEach(addOpener);
  whenChanged(["view", "head"], followHead);
}

function addOpener(cell) {
  const name = cell.textContent;
  const button = make("button", { type: "button", className: "open-head" }, name);
  button.setAttribute("aria-label", `Open head ${name}`);
  button.addEventListener("click", () => openHead(...button.textContent.split(".").map(Number)));
  cell.replaceChildren(button);
}

function followHead() {
  const open = typeof state.head === "number";
  document.querySelector(".head-opened").textContent = open ? `The matrix, the text and the lists show head ${state.view - 1}.${state.head}.` : "";
  if (open) chooseHead(heads.cells.find((cell) => nameOf(cell) === `${state.view - 1}.${state.head}`));
}
