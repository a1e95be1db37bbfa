// From packed data to typed arrays: the other half of reportgen/packing/codes.py and reportgen/packing/tokens.py.

const NEVER = 255;

function remember(found, name, compute) {
  if (!found.has(name)) found.set(name, compute());
  return found.get(name);
}

// Data that the page holds deflated, opened before anybody reads them; those of charts only when they are asked for.
function unpackData() {
  return Promise.all([...document.querySelectorAll("script[data-packed]:not(#charts-data)")].map(async (element) => { unpacked.set(element.id, await openData(element)); }));
}

// JSON, and behind it the numbers of its lists: the other half of reportgen/packing/numbers.py.
async function openData({ dataset, textContent }) {
  if (!dataset.packed) return JSON.parse(textContent);
  const [text, numbers] = textContent.split(" ");
  return putNumbers(JSON.parse(await inflateText(text)), numbers ? readNumbers(await inflate(numbers), Number(dataset.packed)) : []);
}

const TENS = Array.from({ length: 23 }, (_, power) => Number(`1e${power}`)); // exact

function readNumbers(bytes, count) {
  const wholes = joinPlanes(bytes.subarray(count), count);
  const powers = new Int8Array(bytes.buffer, 0, count);
  return Array.from(powers, (power, place) => (power === 127 ? null : power < 0 ? wholes[place] * TENS[-power] : wholes[place] / TENS[power]));
}

function putNumbers(part, numbers) {
  if (typeof part !== "object" || part === null) return part;
  if (Array.isArray(part)) return part.map((inner) => putNumbers(inner, numbers));
  if (part["#"]) return inShape(numbers, ...part["#"]);
  return Object.fromEntries(Object.entries(part).map(([name, inner]) => [name, putNumbers(inner, numbers)]));
}

function inShape(numbers, start, size, ...shape) {
  if (!shape.length) return numbers.slice(start, start + size);
  const step = shape.reduce((product, one) => product * one, 1);
  return Array.from({ length: size }, (_, place) => inShape(numbers, start + place * step, ...shape));
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
async function unpackIntegers({ count, data }) {
  return joinPlanes(await inflate(data), count);
}

function joinPlanes(bytes, count) {
  const [found, planes] = [new Int32Array(count), bytes.length / count];
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
