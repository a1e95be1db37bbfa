// Texts compared the way a reader compares them: capitals, accents, kinds of quotation mark and lengths of space make no difference.

const MARKS = /(?![\u3099\u309a])(?=\p{Mn})[\p{Diacritic}\p{Script=Inherited}]|\u00ad/gu; // not the voicing marks of kana, which make other letters
const ALIKE = [[/[\u2018\u2019\u02bc]/g, "'"], [/[\u201c\u201d]/g, '"'], [/\s+/g, " "]];

const foldedCharacters = new Map(); // a text has few of them, and folding one takes a while

function foldCharacter(character) {
  const known = foldedCharacters.get(character);
  if (known !== undefined) return known;
  const decomposed = character.normalize("NFKD").toUpperCase().toLowerCase().normalize("NFKD").replace(MARKS, "");
  const folded = ALIKE.reduce((text, [pattern, plain]) => text.replace(pattern, plain), decomposed);
  foldedCharacters.set(character, folded);
  return folded;
}

// The folded text, and where in `text` each of its code units begins.
function fold(text) {
  let folded = "";
  const starts = [];
  let place = 0;
  for (const character of text) {
    const found = foldCharacter(character);
    if (!(found === " " && folded.endsWith(" "))) {
      folded += found;
      for (let unit = 0; unit < found.length; unit++) starts.push(place);
    }
    place += character.length;
  }
  return { folded, starts, length: text.length };
}

// Where `query`, folded, stands in a folded text: [start, end] in the text as it was, none overlapping.
function findIn({ folded, starts, length }, query) {
  const found = [];
  for (let at = folded.indexOf(query); at >= 0;) {
    let next = at + query.length;
    while (next < starts.length && starts[next] === starts[next - 1]) next++; // a character that folds to several is marked whole
    found.push([starts[at], starts[next] ?? length]);
    at = folded.indexOf(query, next);
  }
  return found;
}
