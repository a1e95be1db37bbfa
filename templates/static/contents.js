// The bar that stays on top: the part in view is marked in it, and the title appears once the page's own is out of sight.

function setUpContents() {
  const bar = document.querySelector(".topbar");
  new IntersectionObserver(([title]) => bar.classList.toggle("scrolled", !title.isIntersecting)).observe(document.querySelector(".masthead"));
  // A section is in view while the line a quarter down the window is in it.
  const line = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => markInView(entry.target.id)), {
    rootMargin: "-25% 0px -75% 0px",
  });
  document.querySelectorAll("main > section").forEach((section) => line.observe(section));
  markInView("findings");
}

function markInView(id) {
  const contents = document.querySelector(".contents");
  const links = [...contents.querySelectorAll("a")];
  const link = links.findLast((candidate) => candidate.hash === `#${id}`);
  links.forEach((other) => other.removeAttribute("aria-current"));
  link.setAttribute("aria-current", "location");
  contents.querySelectorAll(".in-view").forEach((part) => part.classList.remove("in-view"));
  link.closest(".contents > ul > li").classList.add("in-view");
  // Along the bar alone: the page itself must not move.
  const { left, width } = link.getBoundingClientRect();
  contents.scrollLeft += left + width / 2 - contents.getBoundingClientRect().left - contents.clientWidth / 2;
}

// In a frame that was handed the page as text (a notebook's), an address after # is one of the page around it, and leads out of this one.
function stayInFrame() {
  if (location.protocol !== "about:") return;
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (!link || event.defaultPrevented || (workspace && link.matches('[href^="#sentence-"]'))) return; // those are followed in text.js
    event.preventDefault();
    const goal = document.getElementById(link.getAttribute("href").slice(1));
    goal.tabIndex = -1;
    goal.focus({ preventScroll: true });
    goal.scrollIntoView();
  });
}
