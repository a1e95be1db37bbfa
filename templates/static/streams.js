// Where a sentence's information comes from, layer by layer: what is followed back from it, over sentences, in the head-averaged matrices of the page.

const LANES = 5; // sentences with a lane of their own

// For each number of layers passed, from the input to the last layer, the share that is followed to each row: r_(l-1) = 0.5 r_l + 0.5 r_l A_l, rows of A made to sum to 1.
function followBack(row, withoutFirst, onStep = null) {
  let shares = new Float64Array(workspace.rows);
  shares[row] = 1;
  const found = [shares];
  for (let layer = workspace.layers; layer >= 1; layer--) {
    const before = new Float64Array(workspace.rows);
    shares.forEach((share, query) => { if (share > 1e-6) spread(share, query, layer, withoutFirst, before, onStep); });
    found.unshift(before);
    shares = before;
  }
  return found;
}

function spread(share, query, layer, withoutFirst, before, onStep) {
  const give = (key, part) => { before[key] += part; if (onStep) onStep(layer, query, key, part); };
  const { weights, sum } = readRow(query, layer, withoutFirst);
  give(query, sum > 0 ? share / 2 : share);
  if (sum > 0) for (let key = 0; key < weights.length; key++) if (weights[key]) give(key, (share / 2) * (weights[key] / sum));
}

// What a row of a layer's mean over heads looks at.
function readRow(query, layer, withoutFirst) {
  const { rows, measures: { share: { views, tables } }, causal } = workspace;
  const weights = new Float64Array(causal ? query + 1 : rows);
  let sum = 0;
  for (let key = withoutFirst ? 1 : 0; key < weights.length; key++) {
    weights[key] = tables[layer][views[layer][query * rows + key]] || 0;
    sum += weights[key];
  }
  return { weights, sum };
}

// The row itself and those that ever hold most, in the order of the document, and one lane for all others.
function chooseLanes(row, shares) {
  const most = Array.from({ length: workspace.rows }, (_, other) => Math.max(...shares.map((values) => values[other])));
  const others = [...most.keys()].filter((other) => other !== row && most[other] > 0).sort((a, b) => most[b] - most[a]).slice(0, LANES - 1);
  return [row, ...others].sort((a, b) => a - b);
}

function laneShares(shares, lanes) {
  return shares.map((values) => {
    const named = lanes.map((lane) => values[lane]);
    return [...named, Math.max(0, 1 - named.reduce((sum, value) => sum + value, 0))];
  });
}

// What passes from lane to lane in each step, [layer][lane above][lane below].
function laneSteps(row, lanes, withoutFirst) {
  const laneOf = (place) => { const lane = lanes.indexOf(place); return lane < 0 ? lanes.length : lane; };
  const known = Int8Array.from({ length: workspace.rows }, (_, place) => laneOf(place));
  const steps = Array.from({ length: workspace.layers + 1 }, () => Array.from({ length: lanes.length + 1 }, () => new Float64Array(lanes.length + 1)));
  followBack(row, withoutFirst, (layer, query, key, part) => { steps[layer][known[query]][known[key]] += part; });
  return steps;
}
