// Dialogs: opened by a button or a key, closed by Esc, by their button or by a press beside them; the browser keeps the focus and gives it back.

function setUpDialogs() {
  for (const button of document.querySelectorAll("[data-opens]")) {
    const dialog = document.getElementById(button.dataset.opens);
    button.addEventListener("click", () => dialog.showModal());
    dialog.querySelector(".close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  }
  KEYS["?"] = () => document.getElementById("help").showModal();
}
