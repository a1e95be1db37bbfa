// The matrices of single heads: the other half of reportgen/packing/heads.py.

const HEAD_CODES = 16, HEAD_NEVER = 15;

// A layer at a time, when the first of its heads is asked for; `codes` of the layers' means, of `size` rows, `times` of which share one here.
async function unpackHeads(packed, { codes: means, size, times }) {
  const ready = await unpackCoder(packed, HEAD_CODES);
  const { count, rows, triangle } = packed;
  const weightsOf = (layer, head) => ready().weights.subarray(9 * (layer * count + head), 9 * (layer * count + head + 1));
  const takeLayer = (layer) => {
    const [cursor, mean] = [{ ...ready(), at: ready().begins[layer] }, joinCells(means(layer + 1), size, rows, times, triangle)];
    const found = [];
    for (let head = 0; head < count; head++) found.push(takeHead(cursor, { rows, triangle }, weightsOf(layer, head), mean, found.at(-1)));
    return triangle ? found.map((codes) => hideFuture(codes, rows, HEAD_NEVER)) : found;
  };
  const layers = remembering(takeLayer);
  const values = Float64Array.from({ length: HEAD_CODES }, (_, code) => (code === 0 ? 0 : code === HEAD_NEVER ? NaN : packed.low * Math.exp((code - 1) * packed.step)));
  return { ...packed, data: null, values, codes: (layer, head) => layers(layer)[head] };
}

// Row after row, each code by what the codes around it lead to expect.
function takeHead(coder, { rows, triangle }, weights, mean, before) {
  const { frequencies, starts, blocks, parts, words } = coder;
  const [own, above, left, corner, ahead, twoAbove, twoLeft, ofMean, ofBefore] = weights;
  const [codes, piece] = [new Uint8Array(rows * rows), pieceOf(rows, triangle)];
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
      const context = HEAD_CODES * clamp(Math.floor((3 * expected) / UNIT) + 6, 0, 59) + up;
      if (place % piece === 0) state = words[at++] * 65536 + words[at++];
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

// Sums over the cells whose rows and columns begin in one row and column of `times` as many; where there are fewer, the cell in which one begins.
function joinCells(codes, finer, rows, times, triangle) {
  if (times === 1) return codes;
  if (times < 1) return Uint32Array.from({ length: rows * rows }, (_, cell) => codes[Math.floor(Math.floor(cell / rows) * times) * finer + Math.floor((cell % rows) * times)]);
  const sums = new Uint32Array(rows * rows);
  for (let query = 0; query < finer; query++) {
    for (let key = 0, end = triangle ? query + 1 : finer; key < end; key++) sums[Math.floor(query / times) * rows + Math.floor(key / times)] += codes[query * finer + key];
  }
  return sums;
}
