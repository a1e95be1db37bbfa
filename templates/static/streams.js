// Where a sentence's information comes from, layer by layer: what is followed back from it, over sentences, in the head-averaged matrices of the page.

const LANES = 5; // sentences with a lane of their own
const rowSums = new Map();

// For each number of layers passed, from the input to the last layer, the share that is followed to each row: r_(l-1) = 0.5 r_l + 0.5 r_l A_l, rows of A made to sum to 1.
function followBack(row, withoutFirst) {
  let shares = new Float64Array(workspace.rows);
  shares[row] = 1;
  const found = [shares];
  for (let layer = workspace.layers; layer >= 1; layer--) {
    shares = stepBack(shares, layer, withoutFirst);
    found.unshift(shares);
  }
  return found;
}

function stepBack(shares, layer, withoutFirst) {
  const { rows, causal } = workspace;
  const { codes, values, sums } = readLayer(layer, withoutFirst);
  const before = new Float64Array(rows);
  for (let query = 0; query < rows; query++) {
    const share = shares[query];
    if (share === 0) continue;
    // What is less than a millionth stays where it is.
    const stays = sums[query] > 0 && share > 1e-6 ? 0.5 : 1;
    before[query] += stays * share;
    if (stays === 1) continue;
    const scale = (0.5 * share) / sums[query];
    const end = causal ? query + 1 : rows;
    for (let key = withoutFirst ? 1 : 0, cell = query * rows + key; key < end; key++, cell++) before[key] += scale * values[codes[cell]];
  }
  return before;
}

// A layer's mean over heads, with what was never computed as 0, and the sums of its rows.
function readLayer(layer, withoutFirst) {
  return remember(rowSums, `${layer} ${withoutFirst}`, () => {
    const { rows, causal, measures: { share } } = workspace;
    const [codes, values, sums] = [share.codes(layer), share.values(layer).map((value) => value || 0), new Float64Array(rows)];
    for (let query = 0; query < rows; query++) {
      const end = causal ? query + 1 : rows;
      for (let key = withoutFirst ? 1 : 0; key < end; key++) sums[query] += values[codes[query * rows + key]];
    }
    return { codes, values, sums };
  });
}

// The row itself and those that ever hold most, in the order of the document, and one lane for all others.
function chooseLanes(row, shares) {
  const most = Float64Array.from(shares[0]);
  for (const values of shares) values.forEach((value, other) => { if (value > most[other]) most[other] = value; });
  const others = [...most.keys()].filter((other) => other !== row && most[other] > 0).sort((a, b) => most[b] - most[a]).slice(0, LANES - 1);
  return [row, ...others].sort((a, b) => a - b);
}

function laneShares(shares, lanes) {
  return shares.map((values) => {
    const named = lanes.map((lane) => values[lane]);
    return [...named, Math.max(0, 1 - named.reduce((sum, value) => sum + value, 0))];
  });
}

// What passes in one layer from lane to lane, [lane above][lane below]; of the others, what the named lanes leave.
function laneStep(layer, lanes, above, below, withoutFirst) {
  const rest = (total, parts) => Math.max(0, total - parts.reduce((sum, part) => sum + part, 0));
  const named = lanes.map((query, upper) => {
    const parts = lanes.map((key) => passes(layer, query, key, above[upper], withoutFirst));
    return [...parts, rest(above[upper], parts)];
  });
  const last = lanes.map((_, lower) => rest(below[lower], named.map((parts) => parts[lower])));
  return [...named, [...last, rest(above[lanes.length], last)]];
}

function passes(layer, query, key, share, withoutFirst) {
  const { codes, values, sums } = readLayer(layer, withoutFirst);
  if (!(sums[query] > 0) || share <= 1e-6) return query === key ? share : 0;
  const unseen = (workspace.causal && key > query) || (withoutFirst && key === 0);
  const looked = unseen ? 0 : (0.5 * share * values[codes[query * workspace.rows + key]]) / sums[query];
  return looked + (query === key ? 0.5 * share : 0);
}
