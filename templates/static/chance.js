// What chance gives: even attention over all keys, and the mean of pairs of sentences as far apart.

const atDistance = { of: null, means: [] };

// Distances of 4 rows and more share a mean with those up to a quarter further.
function bandOf(distance) {
  return distance < 4 ? distance : 4 + Math.floor(Math.log(distance / 4) / Math.log(1.25));
}

function readChance(query, key) {
  return averagesByDistance()[Math.abs(rowOf(query) - rowOf(key))];
}

// For each distance in rows the mean of the measure on show over pairs as far apart, the first row left out as key where the switch leaves it out.
function averagesByDistance() {
  const wanted = [state.measure, state.view, shownHead(), state.content].join(" ");
  if (atDistance.of !== wanted) Object.assign(atDistance, { of: wanted, means: averageByDistance() });
  return atDistance.means;
}

function averageByDistance() {
  const { rows } = grid();
  const bands = Uint8Array.from({ length: rows }, (_, distance) => bandOf(distance));
  const [sums, counts] = [new Float64Array(256), new Uint32Array(256)];
  const add = (query, key, value) => {
    if (Number.isNaN(value) || (state.content && key === firstRow(query))) return;
    const band = bands[Math.abs(query - key)];
    sums[band] += value;
    counts[band] += 1;
  };
  if (OF_SOME_LINKS.includes(state.measure)) {
    for (const [cell, value] of workspace.measures[state.measure].cells) add(Math.floor(cell / rows), cell % rows, value);
  } else {
    const { codes, values } = codesOf(state.measure, state.view);
    const divisor = state.measure === "lift" ? grid().expected : null;
    for (let query = 0; query < rows; query++) {
      for (let key = 0; key < (workspace.causal ? query + 1 : rows); key++) {
        const value = values[codes[query * rows + key]];
        add(query, key, divisor ? value / divisor[query * rows + key] : value);
      }
    }
  }
  return Float64Array.from(bands, (band) => sums[band] / counts[band]);
}

// Beside a weight, in words: what even attention gives, and what sentences as far apart give.
function sayChance(query, key) {
  if (!state.chance) return "";
  const value = readCell(state.measure, state.view, query, key);
  const mean = readChance(query, key);
  if (!(value >= 0) || !(mean > 0)) return " There is nothing to compare it with.";
  const even = state.measure === "share" ? ` Even attention would give ${percent(readEven(query, key))}.` : "";
  return `${even} Sentences as far apart have a ${nameMeasure(state.measure)} of ${sayValue(state.measure, mean)} on average: this is ${value > 0 ? `${times(value / mean)} as much` : "too little to compare"}.`;
}
