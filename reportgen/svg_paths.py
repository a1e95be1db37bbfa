"""Paths of pictures in as few characters as say them: steps in place of places, no number finer than is seen."""

from __future__ import annotations

import re
from functools import lru_cache
from math import nan

PART = re.compile(r"([A-Za-z])([^A-Za-z]*)")
NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?")
DIGITS = 1  # of a pixel
MIRRORED = 0.15  # how near to the mirror image of the last curve's end a curve begins that is taken to be smooth
TAKES = {"M": 2, "L": 2, "C": 6, "H": 1, "V": 1, "h": 1, "v": 1, "Z": 0}


def commands(d: str) -> list[tuple[str, list[float]]]:
    """The commands of a path, each with the numbers of one step; nothing where one is not known here."""
    found = [(command, [float(number) for number in NUMBER.findall(numbers)]) for command, numbers in PART.findall(d)]
    if not found or found[0][0] != "M" or any(TAKES.get(command) != len(numbers) for command, numbers in found):
        return []
    return found


def moved(command: str, numbers: list[float], across: float, down: float) -> list[float]:
    """A command's numbers when all is moved."""
    if command in "hvZ":
        return numbers
    steps = {"H": (across,), "V": (down,)}.get(command, (across, down))
    return [number + steps[place % len(steps)] for place, number in enumerate(numbers)]


def in_steps(parts: list[tuple[str, list[float]]]) -> str:
    """The path with steps in place of places; each step starts where the rounded ones before it have led, so that roundings do not add up."""
    written, at, start, last, smooth = "", (0.0, 0.0), (0.0, 0.0), "", [nan, nan]
    for command, numbers in parts:
        if command == "Z":
            written, at, last = f"{written}z", start, "z"
            continue
        ends = _absolute(command, numbers, at)
        name, steps = _steps(command, [round(end - at[place % 2], DIGITS) for place, end in enumerate(ends)])
        if command == "M":
            name, steps = "M", [round(end, DIGITS) for end in ends]
            start = (steps[0], steps[1])
        across, down = _end_of(name, steps)
        at = start if command == "M" else (at[0] + across, at[1] + down)
        if name == "c" and all(abs(step - wanted) < MIRRORED for step, wanted in zip(steps, smooth, strict=False)):
            name, steps = "s", steps[2:]
        smooth = [steps[-2] - steps[-4], steps[-1] - steps[-3]] if name in "cs" else [nan, nan]
        text = _numbers(steps)
        joined = name == last and name in "lhvcs"
        written += (("" if text.startswith("-") else " ") if joined else name) + text
        last = name
    return written


def _end_of(name: str, steps: list[float]) -> tuple[float, float]:
    """How far a step leads."""
    return {"h": (steps[-1], 0.0), "v": (0.0, steps[-1])}.get(name) or (steps[-2], steps[-1])


def _absolute(command: str, numbers: list[float], at: tuple[float, float]) -> list[float]:
    """The places of a step's points, across and down in turns."""
    match command:
        case "h" | "H":
            return [numbers[0] + (at[0] if command == "h" else 0.0), at[1]]
        case "v" | "V":
            return [at[0], numbers[0] + (at[1] if command == "v" else 0.0)]
        case _:
            return numbers


def _steps(command: str, steps: list[float]) -> tuple[str, list[float]]:
    """The shortest name of a step with what it takes."""
    if command == "C":
        return "c", steps
    if not steps[1]:
        return "h", steps[:1]
    return ("l", steps) if steps[0] else ("v", steps[1:])


def _numbers(numbers: list[float]) -> str:
    """Numbers with a space between them where no sign parts them."""
    texts = [short(number) for number in numbers]
    return texts[0] + "".join(text if text.startswith("-") else f",{text}" for text in texts[1:])


@lru_cache(maxsize=8192)
def short(number: float) -> str:
    """A rounded number, without zeros that say nothing."""
    text = f"{number + 0.0:.{DIGITS}f}".removesuffix(".0")
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text
