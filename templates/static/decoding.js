// From the words of coded matrices to codes: the other half of reportgen/packing/coding.py and reportgen/packing/views.py.

const FREQUENCIES = 4096, LEAST_STATE = 0x8000, LONGEST_PIECE = 0x2000;
const UNIT = 4096; // weights are whole numbers of this part of 1
const ERRORS = [1, 2, 3, 5, 8, 12, 18, 26]; // of the cells around together
const ERROR_STEPS = Uint8Array.from({ length: 27 }, (_, sum) => ERRORS.filter((error) => error <= sum).length);

// Several matrices of one scale, each decoded when it is first asked for: `codes(view)` and what they stand for, `values(view)`.
async function unpackViews(packed) {
  const ready = await unpackCoder(packed, 256);
  const tables = new Map();
  const views = [];
  const shape = { size: packed.sentences, triangle: packed.triangle };
  const take = (view) => (views[view] ??= takeView({ ...ready(), at: ready().begins[view] }, shape, ready().weights.subarray(12 * view, 12 * view + 12), view > 1 ? take(view - 1) : null, view > 2 ? take(view - 2) : null));
  const codes = remembering((view) => (packed.triangle ? hideFuture(take(view).slice(), packed.sentences, NEVER) : take(view)));
  return { codes, values: (view) => remember(tables, packed.steps[view], () => listValues(packed.low, packed.steps[view])) };
}

function remembering(compute) {
  const found = new Map();
  return (name) => remember(found, name, () => compute(name));
}

// What gives the coder, which is made when the first matrix is asked for: most measures are not looked at when a page is opened.
async function unpackCoder(packed, symbols) {
  const [frequencies, weights] = await Promise.all([inflate(packed.frequencies), inflate(packed.weights)]);
  let coder = null;
  return () => (coder ??= {
    ...makeCoder(new Uint16Array(frequencies.buffer), symbols), weights: new Int16Array(weights.buffer), words: new Uint16Array(readDigits(packed.data)),
    begins: packed.bytes.reduce((found, bytes) => [...found, found.at(-1) + bytes / 2], [0]),
  });
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

// Row after row: what is expected of a cell, how sure that is, and what the cell differs from it.
function takeView(coder, { size, triangle }, weights, before, twice) {
  const { frequencies, starts, blocks, parts, words } = coder;
  const [own, above, left, corner, ahead, twoAbove, twoLeft, same, sameAbove, sameLeft, sameCorner, sameTwice] = weights;
  const [codes, errors, piece] = [new Uint8Array(size * size), new Uint16Array(size * size), pieceOf(size, triangle)];
  let [state, at, place] = [0, coder.at, 0];
  for (let query = 0; query < size; query++) {
    for (let key = 0, end = triangle ? query + 1 : size; key < end; key++, place++) {
      const cell = query * size + key;
      let [expected, error] = [own, 0];
      if (query) {
        expected += above * codes[cell - size];
        error += errors[cell - size];
        if (key + 1 < size) expected += ahead * codes[cell - size + 1];
        if (key + 1 < size) error += errors[cell - size + 1];
        if (query > 1) expected += twoAbove * codes[cell - 2 * size];
      }
      if (key) {
        expected += left * codes[cell - 1];
        error += errors[cell - 1];
        if (query) expected += corner * codes[cell - size - 1];
        if (query) error += errors[cell - size - 1];
        if (key > 1) expected += twoLeft * codes[cell - 2];
      }
      if (before) expected += same * before[cell] + (query ? sameAbove * before[cell - size] : 0) + (key ? sameLeft * before[cell - 1] : 0) + (query && key ? sameCorner * before[cell - size - 1] : 0);
      if (twice) expected += sameTwice * twice[cell];
      const low = expected < 1229 ? 0 : expected < UNIT ? 1 : expected < 4 * UNIT ? 2 : 3;
      const halves = Math.floor(expected / (UNIT / 2)) + 1;
      const context = 2 * (4 * ERROR_STEPS[error < 26 ? error : 26] + low) + (halves & 1);
      if (place % piece === 0) state = words[at++] * 65536 + words[at++];
      const part = state & (FREQUENCIES - 1);
      const symbol = parts[blocks[context] + part];
      state = frequencies[256 * context + symbol] * (state >> 12) + part - starts[256 * context + symbol];
      if (state < LEAST_STATE) state = state * 65536 + words[at++];
      codes[cell] = symbol + (halves >> 1);
      errors[cell] = Math.abs(codes[cell] - (halves >> 1));
    }
  }
  return codes;
}

// Of a matrix's cells, how many share a state.
function pieceOf(size, triangle) {
  const cells = triangle ? (size * (size + 1)) / 2 : size * size;
  return Math.ceil(cells / Math.ceil(cells / LONGEST_PIECE));
}
