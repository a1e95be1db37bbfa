// From packed text to bytes: the other half of reportgen/packing/codes.py. The page's script is unpacked by this too.

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%()*+,-./:;=?@[]^_`{";

const DIGIT_VALUES = new Uint8Array(128);
[...DIGITS].forEach((digit, value) => { DIGIT_VALUES[digit.charCodeAt(0)] = value; });

// The bytes that a text stands for: how many zeros were put at their end, then five characters for every four, the most significant first.
function readDigits(text) {
  const words = new DataView(new ArrayBuffer(((text.length - 1) / 5) * 4));
  for (let word = 0; word < words.byteLength / 4; word++) {
    let number = 0;
    for (let place = 1; place <= 5; place++) number = number * DIGITS.length + DIGIT_VALUES[text.charCodeAt(5 * word + place)];
    words.setUint32(4 * word, number);
  }
  return words.buffer.slice(0, words.byteLength - Number(text[0]));
}

async function inflate(text) {
  const bytes = readDigits(text);
  if (!("DecompressionStream" in window)) return inflateBytes(new Uint8Array(bytes));
  const stream = new Response(bytes).body.pipeThrough(new DecompressionStream("deflate")); // without a file of the browser's own between
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function inflateText(text) {
  return new TextDecoder().decode(await inflate(text));
}

// RFC 1950 and 1951, for browsers that do not inflate by themselves.
function inflateBytes(bytes) {
  const input = { bytes, bit: 16 }; // two bytes tell how the rest was deflated
  const found = [];
  for (let last = 0; !last;) {
    last = takeBits(input, 1);
    const kind = takeBits(input, 2);
    if (kind) inflateBlock(input, kind === 1 ? FIXED_LENGTHS : takeLengths(input), found);
    else copyBlock(input, found);
  }
  return Uint8Array.from(found);
}

function takeBits(input, count) {
  let number = 0;
  for (let place = 0; place < count; place++, input.bit++) number |= ((input.bytes[input.bit >> 3] >> (input.bit & 7)) & 1) << place;
  return number;
}

function copyBlock(input, found) {
  let at = (input.bit + 7) >> 3;
  const end = at + 4 + input.bytes[at] + 256 * input.bytes[at + 1];
  for (at += 4; at < end; at++) found.push(input.bytes[at]);
  input.bit = 8 * end;
}

// Of how many bits the codes of literals and lengths are, and those of distances.
const FIXED_LENGTHS = [[[8, 144], [9, 112], [7, 24], [8, 8]].flatMap(([bits, count]) => Array(count).fill(bits)), Array(30).fill(5)];
const ORDER_OF_LENGTHS = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

function takeLengths(input) {
  const [literals, distances, count] = [257 + takeBits(input, 5), 1 + takeBits(input, 5), 4 + takeBits(input, 4)];
  const own = Array(19).fill(0);
  ORDER_OF_LENGTHS.slice(0, count).forEach((symbol) => { own[symbol] = takeBits(input, 3); });
  const codes = codesOfLengths(own);
  const found = [];
  while (found.length < literals + distances) {
    const symbol = takeSymbol(input, codes);
    if (symbol < 16) found.push(symbol);
    else if (symbol === 16) found.push(...Array(3 + takeBits(input, 2)).fill(found.at(-1)));
    else found.push(...Array(symbol === 17 ? 3 + takeBits(input, 3) : 11 + takeBits(input, 7)).fill(0));
  }
  return [found.slice(0, literals), found.slice(literals)];
}

// How many codes there are of each number of bits, and their symbols in the order of their codes.
function codesOfLengths(lengths) {
  const symbols = [...lengths.keys()].filter((symbol) => lengths[symbol]).sort((a, b) => lengths[a] - lengths[b] || a - b);
  return { counts: Array.from({ length: 16 }, (_, bits) => symbols.filter((symbol) => lengths[symbol] === bits).length), symbols };
}

function takeSymbol(input, { counts, symbols }) {
  let [code, first, index] = [0, 0, 0];
  for (let bits = 1; bits < counts.length; bits++) {
    code = 2 * code + takeBits(input, 1);
    if (code < first + counts[bits]) return symbols[index + code - first];
    index += counts[bits];
    first = 2 * (first + counts[bits]);
  }
  throw new RangeError("These bytes were not deflated.");
}

// Where each symbol's lengths or distances begin, and how many bits tell which it is.
const stepsFrom = (start, extras) => extras.map((extra) => [(start += 1 << extra) - (1 << extra), extra]);
const LENGTHS = [...stepsFrom(3, Array.from({ length: 28 }, (_, symbol) => Math.max(0, (symbol >> 2) - 1))), [258, 0]];
const DISTANCES = stepsFrom(1, Array.from({ length: 30 }, (_, symbol) => Math.max(0, (symbol >> 1) - 1)));

function inflateBlock(input, lengths, found) {
  const [literals, distances] = lengths.map(codesOfLengths);
  const take = ([start, extra]) => start + takeBits(input, extra);
  for (let symbol; (symbol = takeSymbol(input, literals)) !== 256;) {
    if (symbol < 256) {
      found.push(symbol);
      continue;
    }
    const length = take(LENGTHS[symbol - 257]);
    const distance = take(DISTANCES[takeSymbol(input, distances)]);
    for (let copied = 0; copied < length; copied++) found.push(found[found.length - distance]);
  }
}
