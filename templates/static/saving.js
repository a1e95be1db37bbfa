// Files for the reader, made in the page and handed to the browser's own downloads. Nothing is asked of any network.

function save(parts, type, name) {
  const address = URL.createObjectURL(new Blob(parts, { type }));
  const link = make("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

// The document's title and what the file holds, as a name that every file system takes.
function fileName(what, kind) {
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
  const title = Array.from(plain(document.querySelector("h1").textContent)).slice(0, 40).join("");
  return `${[title || "report", plain(what)].join("-")}.${kind}`;
}

// Rows of cells as RFC 4180 has them. What has no number is empty.
function writeCsv(rows) {
  return rows.map((row) => `${row.map(writeCell).join(",")}\r\n`).join("");
}

// A text that a spreadsheet would take for a formula gets an apostrophe in front.
function writeCell(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  if (typeof value !== "string") return typeof value === "object" ? writeCell(JSON.stringify(value)) : String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

function saveCsv(rows, what) {
  save([writeCsv(rows)], "text/csv;charset=utf-8", fileName(what, "csv"));
}

function saveJson(data, what, kind = "json") {
  save([JSON.stringify(data, null, 1)], "application/json", fileName(what, kind));
}

async function savePng(canvas, what) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  save([blob], "image/png", fileName(what, "png"));
}
