// Tokens of the sentences that attribution puts first: shaded by the method that is chosen, and all of their values in one table.

const TOKEN_SHADES = 5;

function setUpAttributedTokens() {
  const data = readData("attributed-tokens-data");
  if (!data) return;
  const select = document.getElementById("token-method");
  select.selectedIndex = data.shaded;
  select.addEventListener("change", () => shadeTokens(data.values, select.selectedIndex));
  document.getElementById("token-values").addEventListener("toggle", (event) => fillTokenTable(event.target), { once: true });
}

function shadeTokens(values, method) {
  const greatest = Math.max(...values.flatMap((sentence) => sentence[method].map(Math.abs)));
  attributedLines().forEach((line, place) => {
    [...line.children].forEach((token, at) => { token.className = shadeOf(values[place][method][at], greatest); });
  });
}

function attributedLines() {
  return [...document.querySelectorAll(".attributed .pieces")];
}

function shadeOf(value, greatest) {
  const step = greatest ? Math.ceil(TOKEN_SHADES * Math.sqrt(Math.abs(value) / greatest)) : 0;
  return step ? `${value < 0 ? "u" : "o"}${step}` : "";
}

function fillTokenTable(holder) {
  const links = attributedLines().map((line) => line.parentElement.querySelector("a"));
  holder.querySelector("tbody").append(...listTokenValues().map(({ place, texts: [name, , ...values] }) => make("tr", {},
    make("th", { scope: "row" }, name), make("td", { className: "figure" }, links[place].cloneNode(true)), ...values.map((text) => make("td", { className: "figure" }, text)))));
}

// Token by token, with the place of its sentence among those here, what the table says: the token, its sentence, its value by each method.
function listTokenValues() {
  const { values } = readData("attributed-tokens-data");
  return attributedLines().flatMap((line, place) => [...line.children].map((token, at) => ({
    place,
    texts: [token.textContent.trim() || "(part of a character)", line.parentElement.querySelector("a").textContent, ...values[place].map((ofMethod) => significant(ofMethod[at]))],
  })));
}
