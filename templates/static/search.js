// Search in the document: matches are marked where they stand, counted aloud, and walked through with Enter.

const search = { field: null, texts: null, matches: [], at: -1 }; // matches: {sentence, place, range}

function setUpSearch() {
  search.field = document.getElementById("search");
  search.field.addEventListener("input", () => find(search.field.value));
  search.field.addEventListener("keydown", moveInMatches);
  document.getElementById("search-next").addEventListener("click", () => goToMatch(1));
  document.getElementById("search-back").addEventListener("click", () => goToMatch(-1));
  KEYS["/"] = openSearch;
}

function openSearch() {
  search.field.focus();
  search.field.select();
}

function moveInMatches(event) {
  if (event.isComposing) return;
  if (event.key === "Enter") {
    event.preventDefault();
    goToMatch(event.shiftKey ? -1 : 1);
  } else if (event.key === "Escape") {
    event.preventDefault();
    leaveSearch();
  }
}

function find(query) {
  unmark();
  search.texts ??= sentenceElements.map((element) => fold(element.querySelector(".words").textContent));
  const wanted = fold(query.trim()).folded;
  const places = wanted ? search.texts.flatMap((text, sentence) => findIn(text, wanted).map((place) => ({ sentence, place }))) : [];
  search.matches = places.map((match) => ({ ...match, range: rangeOfMatch(match) }));
  search.at = -1;
  mark();
  sayMatches(wanted);
}

function rangeOfMatch({ sentence, place }) {
  return textRange(sentenceElements[sentence].querySelector(".words"), ...place);
}

function goToMatch(step) {
  const count = search.matches.length;
  if (!count) return;
  search.at = search.at < 0 ? (step > 0 ? 0 : count - 1) : (search.at + step + count) % count;
  const { sentence } = search.matches[search.at];
  markCurrent();
  chooseSentence(sentence);
  sayMatches(search.field.value);
}

// Focus goes on to the sentence that was found, or that was chosen before.
function leaveSearch() {
  search.field.value = "";
  find("");
  search.field.blur();
  if (state.sentence !== null) sentenceElements[state.sentence].focus({ preventScroll: true });
}

function sayMatches(wanted) {
  const { matches, at } = search;
  const sentences = new Set(matches.map(({ sentence }) => sentence)).size;
  const counted = `${matches.length} ${matches.length === 1 ? "match" : "matches"} in ${sentences} ${sentences === 1 ? "sentence" : "sentences"}`;
  const text = at >= 0 ? `${at + 1} of ${counted}: sentence ${matches[at].sentence + 1}` : wanted ? (matches.length ? counted : "no match") : "";
  document.getElementById("search-count").textContent = text;
  document.querySelector(".search").classList.toggle("searching", Boolean(wanted));
  for (const name of ["search-next", "search-back"]) document.getElementById(name).disabled = !matches.length;
}
