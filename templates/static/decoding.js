// From the words of coded matrices to the codes of single heads: the other half of reportgen/coding.py and reportgen/head_packing.py.

const FREQUENCIES = 4096, LEAST_STATE = 0x8000, LONGEST_PIECE = 0x4000;
const HEAD_CODES = 16, HEAD_NEVER = 15;

// The matrices of single heads, a layer at a time when the first of its heads is asked for; `codes` of the layers' means and how many of their rows share one here.
async function unpackHeads(packed, { views, rows: finer, times }) {
  const coder = makeCoder(readShorts(await inflate(packed.frequencies)), HEAD_CODES);
  const weights = new Int16Array((await inflate(packed.weights)).buffer);
  const words = new Uint16Array(readDigits(packed.data));
  const starts = packed.bytes.reduce((found, bytes) => [...found, found.at(-1) + bytes / 2], [0]);
  const { count, rows, triangle } = packed;
  const found = new Map();
  const take = (layer) => takeLayer({ ...coder, words, at: starts[layer] }, { count, rows, triangle, weights: weights.subarray((layer * weights.length) / packed.bytes.length) },
    joinCells(views[layer + 1], finer, rows, times, triangle));
  const values = Float64Array.from({ length: HEAD_CODES }, (_, code) => (code === 0 ? 0 : code === HEAD_NEVER ? NaN : packed.low * Math.exp((code - 1) * packed.step)));
  return { ...packed, data: null, values, codes: (layer, head) => remember(found, layer, () => take(layer))[head] };
}

function readShorts(bytes) {
  return new Uint16Array(bytes.buffer);
}

// For each context that occurs, which symbol each of the 4,096 parts stands for, and where each symbol's parts begin.
function makeCoder(frequencies, symbols) {
  const contexts = frequencies.length / symbols;
  const [starts, blocks] = [new Uint16Array(frequencies.length), new Int32Array(contexts)];
  const used = Array.from({ length: contexts }, (_, context) => context).filter((context) => frequencies.subarray(context * symbols, (context + 1) * symbols).some(Boolean));
  const parts = new Uint8Array(used.length * FREQUENCIES);
  used.forEach((context, block) => {
    blocks[context] = block * FREQUENCIES;
    for (let symbol = 0, start = 0; symbol < symbols; symbol++) {
      const place = context * symbols + symbol;
      starts[place] = start;
      parts.fill(symbol, blocks[context] + start, blocks[context] + start + frequencies[place]);
      start += frequencies[place];
    }
  });
  return { frequencies, starts, blocks, parts };
}

function takeLayer(coder, shape, mean) {
  const found = [];
  for (let head = 0; head < shape.count; head++) found.push(takeHead(coder, shape, head, mean, found.at(-1)));
  if (shape.triangle) found.forEach((codes) => { for (let query = 0; query < shape.rows; query++) codes.fill(HEAD_NEVER, query * shape.rows + query + 1, (query + 1) * shape.rows); });
  return found;
}

// Row after row, each code by what the codes around it lead to expect.
function takeHead(coder, { rows, triangle, weights }, head, mean, before) {
  const { frequencies, starts, blocks, parts, words } = coder;
  const [own, above, left, corner, ahead, twoAbove, twoLeft, ofMean, ofBefore] = weights.subarray(9 * head, 9 * head + 9);
  const codes = new Uint8Array(rows * rows);
  let [state, at, place] = [0, coder.at, 0];
  for (let query = 0; query < rows; query++) {
    for (let key = 0, end = triangle ? query + 1 : rows; key < end; key++, place++) {
      const cell = query * rows + key;
      const up = query ? codes[cell - rows] : 0;
      let expected = own + above * up + ofMean * mean[cell] + (before ? ofBefore * before[cell] : 0);
      if (key) expected += left * codes[cell - 1] + (query ? corner * codes[cell - rows - 1] : 0);
      if (key > 1) expected += twoLeft * codes[cell - 2];
      if (query && key + 1 < rows) expected += ahead * codes[cell - rows + 1];
      if (query > 1) expected += twoAbove * codes[cell - 2 * rows];
      const context = HEAD_CODES * clamp(Math.floor((3 * expected) / 4096) + 6, 0, 59) + up;
      if (place % LONGEST_PIECE === 0) state = words[at++] * 65536 + words[at++];
      const part = state & (FREQUENCIES - 1);
      const code = parts[blocks[context] + part];
      const symbol = HEAD_CODES * context + code;
      state = frequencies[symbol] * (state >> 12) + part - starts[symbol];
      if (state < LEAST_STATE) state = state * 65536 + words[at++];
      codes[cell] = code;
    }
  }
  coder.at = at;
  return codes;
}

// Sums over the cells whose rows and columns begin in one row and column of `times` as many.
function joinCells(codes, finer, rows, times, triangle) {
  if (times === 1) return codes;
  const sums = new Uint32Array(rows * rows);
  for (let query = 0; query < finer; query++) {
    for (let key = 0, end = triangle ? query + 1 : finer; key < end; key++) sums[Math.floor(query / times) * rows + Math.floor(key / times)] += codes[query * finer + key];
  }
  return sums;
}
