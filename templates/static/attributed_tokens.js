// Tokens of the sentences that attribution puts first: shaded by the method that is chosen, and all of their values in one table.

const TOKEN_SHADES = 5;

function setUpAttributedTokens() {
  const data = readData("attributed-tokens-data");
  if (!data) return;
  const select = document.getElementById("token-method");
  select.selectedIndex = data.shaded;
  select.addEventListener("change", () => shadeTokens(data.values, select.selectedIndex));
  document.getElementById("token-values").addEventListener("toggle", (event) => fillTokenTable(data.values, event.target), { once: true });
}

function shadeTokens(values, method) {
  const greatest = Math.max(...values.flatMap((sentence) => sentence[method].map(Math.abs)));
  attributedLines().forEach((line, place) => {
    [...line.children].forEach((token, at) => { token.className = shadeOf(values[place][method][at], greatest); });
  });
}

function attributedLines() {
  return [...document.querySelectorAll(".attributed .tokens")];
}

function shadeOf(value, greatest) {
  const step = greatest ? Math.ceil(TOKEN_SHADES * Math.sqrt(Math.abs(value) / greatest)) : 0;
  return step ? `${value < 0 ? "u" : "o"}${step}` : "";
}

function fillTokenTable(values, holder) {
  const body = holder.querySelector("tbody");
  attributedLines().forEach((line, place) => {
    const link = line.parentElement.querySelector("a");
    [...line.children].forEach((token, at) => {
      const cells = values[place].map((ofMethod) => make("td", { className: "figure" }, significant(ofMethod[at])));
      const name = make("th", { scope: "row" }, token.textContent.trim() || "(part of a character)");
      body.append(make("tr", {}, name, make("td", { className: "figure" }, link.cloneNode(true)), ...cells));
    });
  });
}
