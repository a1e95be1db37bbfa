// Which rows the table of heads shows: those with a role, or with a text in their name or roles.

function setUpHeadFilter() {
  document.getElementById("role-filter").addEventListener("change", showHeadTable);
  document.getElementById("head-filter").addEventListener("input", showHeadTable);
}

// Whether the filter lets a head through, by its name.
function headFilter() {
  const role = document.getElementById("role-filter").value;
  const text = document.getElementById("head-filter").value.trim().toLowerCase();
  return (name) => hasRole(name, role) && `${name} ${listRoles(name)}`.toLowerCase().includes(text);
}

function hasRole(name, role) {
  const roles = rolesOf(name, heads.withoutSink);
  if (!role) return true;
  return role === "none" ? !roles.length : roles.includes(role);
}
