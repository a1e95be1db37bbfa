// What chance gives: even attention over all keys, and the mean of pairs of sentences as far apart.

const atDistance = { of: null, means: [] };

// Distances of 4 sentences and more share a mean with those up to a quarter further.
function distanceBand(query, key) {
  const distance = Math.abs(rowOf(query) - rowOf(key));
  return distance < 4 ? distance : 4 + Math.floor(Math.log(distance / 4) / Math.log(1.25));
}

// The mean of the measure on show over pairs as far apart, those left out that the switch leaves out.
function readChance(query, key) {
  const wanted = [state.measure, state.view, shownHead(), state.content].join(" ");
  if (atDistance.of !== wanted) Object.assign(atDistance, { of: wanted, means: averageByDistance() });
  return atDistance.means[distanceBand(query, key)] ?? NaN;
}

function averageByDistance() {
  const [sums, counts] = [[], []];
  const { group } = grid();
  for (let query = 0; query < workspace.sentences; query += group) {
    for (let key = 0; key < (workspace.causal ? query + 1 : workspace.sentences); key += group) {
      const value = readCell(state.measure, state.view, query, key);
      if (Number.isNaN(value) || (state.content && rowOf(key) === 0)) continue;
      const band = distanceBand(query, key);
      sums[band] = (sums[band] ?? 0) + value;
      counts[band] = (counts[band] ?? 0) + 1;
    }
  }
  return sums.map((sum, band) => sum / counts[band]);
}

// Beside a weight, in words: what even attention gives, and what sentences as far apart give.
function sayChance(query, key) {
  if (!state.chance) return "";
  const value = readCell(state.measure, state.view, query, key);
  const mean = readChance(query, key);
  if (!(value >= 0) || !(mean > 0)) return " There is nothing to compare it with.";
  const even = state.measure === "share" ? ` Even attention would give ${percent(grid().expected[cellOf(query, key)])}.` : "";
  return `${even} Sentences as far apart have a ${nameMeasure(state.measure)} of ${sayValue(state.measure, mean)} on average: this is ${times(value / mean)} as much.`;
}
