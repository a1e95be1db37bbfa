// Which rows the table of heads shows: those with a role, or with a text in their name or roles.

function setUpHeadFilter() {
  document.getElementById("role-filter").addEventListener("change", filterHeads);
  document.getElementById("head-filter").addEventListener("input", filterHeads);
}

function filterHeads() {
  const role = document.getElementById("role-filter").value;
  const text = document.getElementById("head-filter").value.trim().toLowerCase();
  const rows = [...document.getElementById("head-table").tBodies[0].rows];
  for (const row of rows) row.hidden = !(hasRole(row, role) && hasText(row, text));
  document.getElementById("heads-shown").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} heads`;
}

function hasRole(row, role) {
  const roles = rolesOf(row.cells[0].textContent, heads.withoutSink);
  if (!role) return true;
  return role === "none" ? !roles.length : roles.includes(role);
}

function hasText(row, text) {
  return `${row.cells[0].textContent} ${row.cells[1].textContent}`.toLowerCase().includes(text);
}
