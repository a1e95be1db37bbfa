// From packed data to typed arrays: the other half of reportgen/packing.py and reportgen/token_packing.py.

const NEVER = 255;

function remember(found, name, compute) {
  if (!found.has(name)) found.set(name, compute());
  return found.get(name);
}

// Data that the page holds deflated become what they were before anybody reads them.
function unpackData() {
  return Promise.all([...document.querySelectorAll("script[data-packed]")].map(async (element) => { element.textContent = await inflateText(element.textContent); }));
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
