// What the reader has chosen; everyone who shows it is told of each change. The address keeps it after the #.

const state = { sentence: null, pair: null, token: null, measure: "share", view: 0, head: "mean", count: 12, each: 6, threshold: 0, chance: false, content: true };
const THRESHOLDS = 40; // steps of the threshold along the scale
const listeners = [];

// `keys` are the parts of the state that the listener shows.
function whenChanged(keys, listener) {
  listeners.push({ keys, listener });
}

// `reveal` is a sentence to bring into view in the text.
function change(patch, reveal = null) {
  const whole = "sentence" in patch ? { token: null, ...patch } : patch; // a token is one of the chosen sentence
  Object.assign(state, whole);
  tell(Object.keys(whole), reveal);
  writeAddress();
}

function tell(changed, reveal) {
  for (const { keys, listener } of listeners) {
    if (keys.some((key) => changed.includes(key))) listener(reveal);
  }
}

function chooseSentence(sentence, { pair = null, reveal = sentence } = {}) {
  change({ sentence, pair }, reveal);
}

function writeAddress() {
  const parts = new URLSearchParams();
  if (state.sentence !== null) parts.set("sentence", state.sentence + 1);
  if (state.pair) parts.set("pair", state.pair.map((sentence) => sentence + 1).join("-"));
  if (state.token !== null) parts.set("token", state.token);
  if (state.measure !== "share") parts.set("measure", state.measure);
  if (state.view) parts.set("layer", state.view - 1);
  if (state.head !== "mean") parts.set("head", state.head);
  parts.set("links", state.count);
  if (state.each !== 6) parts.set("each", state.each);
  if (state.threshold) parts.set("threshold", state.threshold);
  if (state.chance) parts.set("chance", "shown");
  if (!state.content) parts.set("sink", "kept");
  try {
    history.replaceState(null, "", `#${parts}`);
  } catch {
    // Some frames (a notebook's, an artifact viewer's) have no address that may be rewritten; the page works without.
  }
}

// What an address asks for, as far as this document has it.
function readAddress() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const number = (text, low, high) => (/^\d+$/.test(text ?? "") && text >= low && text <= high ? Number(text) : null);
  const sentence = (text) => { const found = number(text, 1, workspace.sentences); return found === null ? null : found - 1; };
  const pair = (parts.get("pair") ?? "").split("-").map(sentence);
  const layer = number(parts.get("layer"), 0, workspace.layers - 1);
  const token = tokens ? number(parts.get("token"), 0, tokens.count - 1) : null;
  const ofToken = token === null || tokens.sentence[token] < 0 ? null : tokens.sentence[token];
  return {
    sentence: ofToken ?? sentence(parts.get("sentence")),
    token: ofToken === null ? null : token,
    pair: pair.length === 2 && !pair.includes(null) && (ofToken === null || pair.includes(ofToken)) ? pair : null,
    measure: isMeasure(parts.get("measure")) ? parts.get("measure") : "share",
    view: layer === null ? 0 : layer + 1,
    head: readHead(parts.get("head"), layer, number),
    count: number(parts.get("links"), 0, 50) ?? state.count,
    each: number(parts.get("each"), 0, 50) ?? 6,
    threshold: number(parts.get("threshold"), 0, THRESHOLDS) ?? 0,
    chance: parts.get("chance") === "shown",
    content: parts.get("sink") !== "kept",
  };
}

// A single head needs its layer, and a page that has the matrices of heads.
function readHead(text, layer, number) {
  if (!workspace.heads) return "mean";
  if (text === "max") return text;
  return layer === null ? "mean" : number(text, 0, workspace.heads.count - 1) ?? "mean";
}

function isMeasure(name) {
  return name === "lift" || Object.hasOwn(workspace.measures, name);
}

function addressHasState() {
  return /^#\w+=/.test(location.hash);
}
