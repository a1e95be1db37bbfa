"""A page opened in a browser, and what a test asks of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(kw_only=True)
class Opened:
    """A page in the browser, with everything it said to the console and every address it asked for."""

    tab: Any
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def settle(self) -> None:
        """Waits for what the page does in turns."""
        self.tab.wait_for_selector("[data-under-way]", state="detached")

    def texts(self, selector: str) -> list[str]:
        self.settle()
        return self.tab.eval_on_selector_all(selector, "found => found.map((element) => element.textContent.trim())")

    def read(self, selector: str) -> str:
        """What is seen of an element, also where its section is out of sight and not laid out."""
        script = """(element) => {
          const sections = [...document.querySelectorAll("main > section")];
          sections.forEach((section) => { section.style.contentVisibility = "visible"; });
          const text = element.innerText;
          sections.forEach((section) => { section.style.contentVisibility = ""; });
          return text;
        }"""
        self.settle()
        return self.tab.eval_on_selector(selector, script)

    def numbers(self, selector: str, attribute: str) -> list[int]:
        return [int(value) for value in self.tab.eval_on_selector_all(selector, f"found => found.map((element) => element.dataset.{attribute})")]

    def chosen(self) -> list[int]:
        return self.numbers('.sentence[aria-current="true"]', "sentence")

    def crosshair(self) -> list[int]:
        return self.numbers(".overlay .crosshair", "sentence")

    def outlined(self) -> list[tuple[int, int]]:
        return list(zip(self.numbers(".overlay .top-link", "query"), self.numbers(".overlay .top-link", "key"), strict=True))

    def readout(self) -> str:
        return self.tab.inner_text("#readout")

    def painted(self) -> str:
        return self.tab.evaluate("document.querySelector('#matrix canvas').toDataURL()")

    def quiet(self) -> bool:
        return self.said == [] and all(address.startswith("file:") for address in self.asked) and len(self.asked) == 1

    def hear(self, message: Any) -> None:
        self.said.append(getattr(message, "text", str(message)))

    def note(self, request: Any) -> None:
        self.asked.append(request.url)

    def stop(self) -> None:
        for event, listener in (("console", self.hear), ("pageerror", self.hear), ("request", self.note)):
            self.tab.remove_listener(event, listener)


def listen(tab: Any) -> Opened:
    """From now on, what the page in this tab says and asks for is kept."""
    page = Opened(tab=tab)
    for event, listener in (("console", page.hear), ("pageerror", page.hear), ("request", page.note)):
        tab.on(event, listener)
    return page
