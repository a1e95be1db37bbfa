// Numbers as a reader sees them, and small pieces of page. Text only ever enters as text.

const THIN_SPACE = "\u202f";

function significant(value, digits = 3) {
  if (value === null || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const rounded = Number(value.toPrecision(digits));
  const text = Math.abs(rounded) >= 10 ** digits
    ? Math.round(rounded).toLocaleString("en-US")
    : Math.abs(rounded) < 1e-4 ? rounded.toExponential(digits - 1) : rounded.toPrecision(digits);
  return text.replace(/-/g, "−");
}

function percent(share) {
  return significant(100 * share, 2) + THIN_SPACE + "%";
}

function times(lift) {
  return significant(lift, 2) + "×";
}

// make("td", {className: "figure"}, "text", child, ...)
function make(name, properties, ...children) {
  const element = document.createElement(name);
  Object.assign(element, properties);
  element.append(...children);
  return element;
}

function makeSvg(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

const unpacked = new Map(); // data that came packed, by the id of their element

function readData(id) {
  const element = document.getElementById(id);
  return unpacked.get(id) ?? (element ? JSON.parse(element.textContent) : null);
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
