// The document: choosing a sentence by pointer or key, and showing in the text what it is linked with.

let sentenceElements = [];
const shownInText = new Set(); // what is marked there as chosen or linked

function setUpText() {
  sentenceElements = [...document.querySelectorAll(".sentence")];
  sentenceElements.forEach((element, sentence) => {
    element.tabIndex = -1;
    element.dataset.sentence = sentence;
  });
  document.querySelectorAll(".sentence .number").forEach((link) => { link.tabIndex = -1; });
  document.getElementById("text").addEventListener("click", clickText);
  document.getElementById("text").addEventListener("keydown", moveInText);
  document.addEventListener("click", followSentenceLink);
  KEYS.j = () => goTo(state.sentence === null ? 0 : state.sentence + 1);
  KEYS.k = () => goTo(state.sentence === null ? 0 : state.sentence - 1);
  KEYS.Escape = () => change(state.token === null ? { sentence: null, pair: null } : { token: null });
  whenChanged(TOP_LINKS_SHOW, showTopLinksInText);
  whenChanged(["sentence", "pair", "measure", "view", "head", "each", "threshold", "chance", "content"], showInText);
}

function wordsOf(sentence) {
  return sentenceElements[sentence].querySelector(".words").textContent.trim();
}

function clickText(event) {
  const element = event.target.closest(".sentence");
  if (!element || event.target.closest(".text-links") || !getSelection().isCollapsed) return;
  event.preventDefault();
  const sentence = Number(element.dataset.sentence);
  const token = sentence === state.sentence ? tokenAt(event) : null; // the second click goes down to the token
  if (token === null) chooseSentence(sentence);
  else change({ token });
}

// Any link to a sentence, wherever it stands, chooses that sentence; `data-pair` says what it is linked with.
function followSentenceLink(event) {
  const link = event.target.closest('a[href^="#sentence-"]');
  if (!link || event.defaultPrevented) return;
  event.preventDefault();
  const sentence = Number(link.hash.slice("#sentence-".length)) - 1;
  chooseSentence(sentence, { pair: readPair(link) });
  sentenceElements[sentence].focus({ preventScroll: true });
}

function readPair(link) {
  const holder = link.closest("[data-pair]");
  return holder ? holder.dataset.pair.split(" ").map(Number) : null;
}

function moveInText(event) {
  const element = event.target.closest(".sentence");
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!element || event.target.closest("a")) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    const sentence = Number(element.dataset.sentence);
    if (sentence !== state.sentence || !enterTokens()) chooseSentence(sentence);
  } else if (step && !event.altKey && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    goTo(Number(element.dataset.sentence) + step);
  }
}

function goTo(sentence) {
  if (sentence < 0 || sentence >= workspace.sentences) return;
  chooseSentence(sentence);
  sentenceElements[sentence].focus({ preventScroll: true });
}

function showInText(reveal) {
  const chosen = state.sentence;
  shownInText.forEach(clearSentence);
  shownInText.clear();
  markChosen(chosen);
  if (chosen !== null) tintLinks(chosen);
  drawArcs();
  if (reveal !== null) bringIntoView(sentenceElements[reveal]);
}

function clearSentence(element) {
  element.classList.remove("source", "destination", "paired");
  element.style.removeProperty("--strength");
  delete element.dataset.mark;
  element.tabIndex = -1;
  element.removeAttribute("aria-current");
}

// The text is entered by the keyboard at the chosen sentence, or at the first.
function markChosen(chosen) {
  const element = sentenceElements[chosen ?? 0];
  shownInText.add(element);
  element.tabIndex = 0;
  if (chosen !== null) element.setAttribute("aria-current", "true");
}

function tintLinks(chosen) {
  for (const direction of ["destination", "source"]) {
    const strongest = findStrongest(chosen, direction, state.each);
    strongest.forEach((link) => tint(link, direction, link.value / strongest[0].value));
  }
  const partner = state.pair?.find((sentence) => sentence !== chosen) ?? null;
  if (partner === null) return;
  const link = { query: state.pair[0], key: state.pair[1], other: partner };
  link.value = readShown(link.query, link.key);
  tint(link, link.query === chosen ? "source" : "destination", 1);
  sentenceElements[partner].classList.add("paired");
  shownInText.add(sentenceElements[partner]);
}

function tint({ other, value }, direction, strength) {
  const element = sentenceElements[other];
  if (rowOf(other) === rowOf(state.sentence)) return;
  for (const sentence of listGroup(other)) {
    shownInText.add(sentenceElements[sentence]);
    sentenceElements[sentence].classList.add(direction);
    sentenceElements[sentence].style.setProperty("--strength", strength.toFixed(3));
  }
  const mark = `${direction === "source" ? "looked at" : "looks here"} ${sayValue(shownMeasure(), value)}${state.chance ? " of chance" : ""}`;
  const marks = new Set(element.dataset.mark?.split(", "));
  element.dataset.mark = [...marks.add(mark)].join(", ");
}

// After each sentence, the numbers of the sentences it is among the top links with.
function showTopLinksInText() {
  document.querySelectorAll(".text-links").forEach((element) => element.remove());
  for (const pair of listTopLinks()) {
    const [query, key] = pair;
    addTextLink(query, `→${key + 1}`, key, pair, `looks at sentence ${key + 1}`);
    if (key !== query) addTextLink(key, `←${query + 1}`, query, pair, `is looked at by sentence ${query + 1}`);
  }
}

function addTextLink(sentence, text, target, pair, label) {
  const element = sentenceElements[sentence];
  const links = element.querySelector(".text-links") ?? element.appendChild(make("span", { className: "text-links" }));
  const link = make("a", { href: `#sentence-${target + 1}` }, text);
  link.dataset.pair = pair.join(" ");
  link.setAttribute("aria-label", label);
  links.append(link);
}

function bringIntoView(element) {
  const { top, bottom } = element.getBoundingClientRect();
  if (top > 96 && bottom < innerHeight - 24) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const middle = (top + bottom - innerHeight) / 2;
  // Not past the end of the workspace, where the matrix would leave the window.
  const end = document.querySelector(".workspace").getBoundingClientRect().bottom - innerHeight;
  scrollBy({ top: isSideBySide() ? Math.min(middle, end) : middle, behavior: calm ? "auto" : "smooth" });
}
