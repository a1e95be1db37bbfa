// What the reader has chosen; everyone who shows it is told of each change. The address keeps it after the #.

const state = { sentence: null, pair: null, token: null, measure: "share", view: 0, count: 12, content: true };
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
  parts.set("links", state.count);
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
    count: number(parts.get("links"), 0, 50) ?? state.count,
    content: parts.get("sink") !== "kept",
  };
}

function isMeasure(name) {
  return name === "lift" || Object.hasOwn(workspace.measures, name);
}

function addressHasState() {
  return /^#\w+=/.test(location.hash);
}
