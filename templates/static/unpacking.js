// From packed text to typed arrays: the other half of reportgen/packing.py.

const NEVER = 255;

function remember(found, name, compute) {
  if (!found.has(name)) found.set(name, compute());
  return found.get(name);
}

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
  const stream = new Response(readDigits(text)).body.pipeThrough(new DecompressionStream("deflate")); // without a file of the browser's own between
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Data that the page holds deflated become what they were before anybody reads them; where the browser is too old for that, nobody finds them.
async function unpackData() {
  const packed = [...document.querySelectorAll("script[data-packed]")];
  if (!("DecompressionStream" in window)) return packed.forEach((element) => element.remove());
  return Promise.all(packed.map(async (element) => { element.textContent = new TextDecoder().decode(await inflate(element.textContent)); }));
}

function hideFuture(codes, size, never) {
  for (let query = 0; query < size; query++) codes.fill(never, query * size + query + 1, (query + 1) * size);
  return codes;
}

// What each of the 256 codes stands for; NaN for what was never computed.
function listValues(low, step) {
  const values = new Float64Array(256);
  for (let code = 1; code < NEVER; code++) values[code] = low * Math.exp((code - 1) * step);
  values[NEVER] = NaN;
  return values;
}

// Whole numbers: byte planes, lowest first, of 0, -1, 1, -2, ... as 0, 1, 2, 3, ...
async function unpackIntegers({ count, planes, data }) {
  const bytes = await inflate(data);
  const found = new Int32Array(count);
  for (let place = 0; place < count; place++) {
    let code = 0;
    for (let plane = planes - 1; plane >= 0; plane--) code = code * 256 + bytes[plane * count + place];
    found[place] = code % 2 ? -(code + 1) / 2 : code / 2;
  }
  return found;
}

async function unpackFloats({ data }) {
  const bytes = await inflate(data);
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, place) => view.getFloat32(4 * place, true));
}
