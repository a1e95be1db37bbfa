// All formulas together, in the place of the list that says where each stands.

function setUpFormulas() {
  const bodies = [...document.querySelectorAll("main > section:has(dl.formulas)")].map(formulasOf);
  const heads = ["Number", "Formula", "Source"].map((words) => make("th", { scope: "col" }, words));
  const scroll = make("div", { className: "scroll", tabIndex: 0 }, make("table", {}, make("thead", {}, make("tr", {}, ...heads)), ...bodies));
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", "All formulas");
  document.querySelector(".all-formulas").replaceWith(scroll);
}

function formulasOf(section) {
  const link = make("a", { href: `#${section.id}` }, section.querySelector("h2").textContent);
  const rows = [...section.querySelectorAll(".formulas dt")].map((name) => {
    const [formula, source] = name.nextElementSibling.children;
    return make("tr", {}, make("th", { scope: "row" }, name.textContent), make("td", {}, formula.cloneNode(true)), make("td", {}, source.textContent));
  });
  return make("tbody", {}, make("tr", {}, make("th", { scope: "rowgroup", colSpan: 3 }, link)), ...rows);
}
