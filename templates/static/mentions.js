// Wherever a table or a figure names the chosen sentence, its number is marked there too.

function setUpMentions() {
  whenChanged(["sentence"], markMentions);
}

function markMentions() {
  document.querySelectorAll(".mention").forEach((link) => link.classList.remove("mention"));
  if (state.sentence === null) return;
  for (const link of document.querySelectorAll(`main a[href="#sentence-${state.sentence + 1}"]:not(.number)`)) {
    if (!link.closest("#text, .bench")) link.classList.add("mention");
  }
}
