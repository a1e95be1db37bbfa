// Two scales: cividis for magnitudes, green to purple around 1 for lift. Both are safe for colour-blind readers.

const CIVIDIS = ["#00224e", "#0f326f", "#35456c", "#50576c", "#666970", "#7d7c78", "#968f77", "#b0a473", "#cbba69", "#e7d159", "#fee838"];
const AROUND_ONE = {
  light: ["#0b5330", "#2f8757", "#93c5a2", "#f1efea", "#c2a6d3", "#8a52a3", "#4b1263"],
  dark: ["#a6e3bd", "#57b380", "#2c6243", "#25282c", "#6a3f80", "#b07bc9", "#ecc6ff"],
};
const LIFT_SPAN = 5; // doublings to either side of 1, so from 1/32 to 32
const darkScheme = matchMedia("(prefers-color-scheme: dark)");

function parseColour(hex) {
  return [1, 3, 5].map((place) => parseInt(hex.slice(place, place + 2), 16));
}

// The colour at `position`, from 0 to 1, as [red, green, blue].
function mix(stops, position) {
  const place = clamp(position, 0, 1) * (stops.length - 1);
  const left = Math.min(stops.length - 2, Math.floor(place));
  const [a, b] = [parseColour(stops[left]), parseColour(stops[left + 1])];
  return a.map((channel, index) => Math.round(channel + (b[index] - channel) * (place - left)));
}

function aroundOne() {
  return darkScheme.matches ? AROUND_ONE.dark : AROUND_ONE.light;
}

function css(colour) {
  return `rgb(${colour.join(" ")})`;
}

// Black or white, whichever contrasts more; 0.179 is the luminance at which both contrast alike (WCAG 2).
function inkOn(colour) {
  const [red, green, blue] = colour.map((channel) => channel / 255).map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000000" : "#ffffff";
}

function isAroundOne(measure) {
  return measure === "lift" || measure === "ratio";
}

function stopsFor(measure) {
  return isAroundOne(measure) ? aroundOne() : CIVIDIS;
}

// Where a value lies on its measure's scale, from 0 to 1.
function positionOf(measure, value) {
  if (isAroundOne(measure)) return value > 0 ? 0.5 + Math.log2(value) / (2 * LIFT_SPAN) : 0;
  const { low, high } = workspace.measures[measure];
  return value > 0 ? Math.log(value / low) / Math.log(high / low) : 0;
}

// The value at a place on its measure's scale.
function valueAt(measure, position) {
  if (isAroundOne(measure)) return 2 ** (2 * LIFT_SPAN * (position - 0.5));
  const { low, high } = workspace.measures[measure];
  return low * (high / low) ** position;
}

function themeColour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
