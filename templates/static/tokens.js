// What is known of tokens: where each stands, its strongest links, the heads that look most at it, and what stands behind links of sentences.

let tokens = null; // {count, sentence, start, end, bySentence, others, sinks, ranks, measured, keys, weights, heads, layers, behind, ...}

async function loadTokens() {
  const packed = readData("token-data");
  if (!packed) return;
  const names = ["sentences", "gaps", "lengths", "offsets", "heads"];
  const numbers = await Promise.all(names.map((name) => packed[name] && unpackIntegers(packed[name])));
  const [steps, gaps, lengths, offsets, heads] = numbers;
  const codes = await inflate(packed.weights.data);
  tokens = {
    ...packed, ...placeTokens(steps, gaps, lengths), count: packed.tokens, heads,
    others: new Map(Object.entries(packed.others).flatMap(([text, found]) => found.map((token) => [token, text]))),
    sinks: new Map(packed.sinks.map(([token, kind, layer]) => [token, { kind, layer }])),
    keys: offsets.map((offset, place) => (place % packed.tokens) - offset),
    weights: Float64Array.from(codes, (code) => (code ? packed.low * Math.exp((code - 1) * packed.step) : 0)),
    behind: packed.behind ? await unpackBehind(packed.behind) : [],
  };
}

function placeTokens(steps, gaps, lengths) {
  const [sentence, start, end] = [steps.slice(), gaps.slice(), lengths.slice()];
  const bySentence = new Map();
  for (let token = 0; token < steps.length; token++) {
    if (token) sentence[token] += sentence[token - 1];
    if (token && sentence[token] === sentence[token - 1]) start[token] += end[token - 1];
    end[token] += start[token];
    if (!bySentence.has(sentence[token])) bySentence.set(sentence[token], []);
    bySentence.get(sentence[token]).push(token);
  }
  return { sentence, start, end, bySentence };
}

// One entry for each link: its head, its tokens, query and key as numbers, their score, and the weight, NaN where it is not known.
async function unpackBehind({ links, dimensions, places, codes, numbers }) {
  const [place, bytes, values] = [await unpackIntegers(places), await inflate(codes.data), await unpackFloats(numbers)];
  const signed = new Int8Array(bytes.buffer);
  const vector = (link, part) => Float64Array.from({ length: dimensions }, (_, dimension) => {
    const code = signed[(2 * link + part) * dimensions + dimension];
    return code === -128 ? NaN : (code / 127) * values[(2 + part) * links + link];
  });
  return Array.from({ length: links }, (_, link) => {
    const [layer, head, query, key] = [0, 1, 2, 3].map((part) => place[part * links + link]);
    return { layer, head, query, key, score: values[link], weight: values[links + link], vectors: [vector(link, 0), vector(link, 1)] };
  });
}

function tokensOf(sentence) {
  return tokens.bySentence.get(sentence) ?? [];
}

// Strongest first.
function linksFrom(query) {
  const found = [];
  for (let rank = 0; rank < tokens.ranks; rank++) {
    const place = rank * tokens.count + query;
    if (tokens.keys[place] >= 0) found.push({ query, key: tokens.keys[place], weight: tokens.weights[place] });
  }
  return sortLinks(found);
}

// The tokens that have this one among their strongest links.
function linksInto(key) {
  const found = [];
  for (let place = tokens.keys.indexOf(key); place >= 0; place = tokens.keys.indexOf(key, place + 1)) {
    found.push({ query: place % tokens.count, key, weight: tokens.weights[place] });
  }
  return sortLinks(found);
}

function linksBetween(query, key) {
  return sortLinks(tokensOf(query).flatMap(linksFrom).filter((link) => tokens.sentence[link.key] === key));
}

function sortLinks(links) {
  return links.sort((a, b) => b.weight - a.weight || a.query - b.query || a.key - b.key);
}

function behindLink(query, key) {
  return tokens.behind.find((link) => tokens.sentence[link.query] === query && tokens.sentence[link.key] === key) ?? null;
}

// For one sentence, the tokens of another that heads look at most, with those heads; null where it was not measured.
function headsLooking(query, key) {
  if (!tokens.heads) return null;
  const own = tokensOf(query);
  const found = new Map();
  for (let place = query; place < tokens.heads.length; place += workspace.sentences) {
    const back = tokens.heads[place];
    const token = own[own.length - 1] - back;
    if (!back || tokens.sentence[token] !== key) continue;
    const head = Math.floor(place / workspace.sentences);
    const perLayer = tokens.heads.length / workspace.sentences / tokens.layers;
    found.set(token, [...(found.get(token) ?? []), `${Math.floor(head / perLayer)}.${head % perLayer}`]);
  }
  return [...found].sort((a, b) => b[1].length - a[1].length || a[0] - b[0]);
}

// As it stands in its sentence, the space before it included; white space and what no sentence shows as a sign or a name.
function textOfToken(token) {
  return tokens.others.get(token) ?? wholeText(tokens.sentence[token]).slice(tokens.start[token], tokens.end[token]);
}

function wholeText(sentence) {
  return sentenceElements[sentence].querySelector(".words").textContent;
}

function nameToken(token) {
  return `“${textOfToken(token).trim()}”`;
}

const SIGNS = { "␣": "space", "↵": "line break", "⇥": "tab" };

// White space has no sound.
function sayToken(token) {
  const text = textOfToken(token).trim();
  const signs = [...text].map((letter) => SIGNS[letter]);
  return signs.every(Boolean) ? signs.join(", ") : text;
}

// What sets a token apart, in words; empty for most.
function noteToken(token) {
  const sink = tokens.sinks.get(token);
  if (sink?.kind === "first") return "the first token, a sink";
  if (sink?.kind === "added") return "a special token, a sink";
  if (sink) return `a sink from layer ${sink.layer} on`;
  if (tokens.sentence[token] < 0) return "in no sentence";
  return isPart(token) ? "a part of this character" : "";
}

// Byte by byte, several tokens share a character.
function isPart(token) {
  const overlaps = (one, other) => tokens.sentence[one] === tokens.sentence[other] && tokens.start[other] < tokens.end[one];
  return (token > 0 && overlaps(token - 1, token)) || (token + 1 < tokens.count && overlaps(token, token + 1));
}

// A few words of its sentence on either side.
function contextOf(token) {
  if (tokens.sentence[token] < 0) return ["", "", ""];
  const text = wholeText(tokens.sentence[token]);
  const [start, end] = [tokens.start[token], tokens.end[token]];
  const from = Math.max(0, text.lastIndexOf(" ", Math.max(0, start - 16)));
  return [(from ? "…" : "") + text.slice(from, start), text.slice(start, end), text.slice(end, end + 48)];
}
