"""Paths of pictures in as few characters as say them: steps in place of places, no number finer than is seen."""

from __future__ import annotations

import re
from functools import lru_cache
from math import nan

PART = re.compile(r"([A-Za-z])([^A-Za-z]*)")
NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?")
DIGITS = 1  # of a pixel
MIRRORED = 0.15  # how near to the mirror image of the last curve's end a curve begins that is taken to be smooth
IN_EVEN_STEPS = re.compile(r"M(-?\d+(?:\.\d+)?),(-?\d+(?:\.\d+)?)((?:[hv]-?\d+(?:\.\d)?)+Z?)")  # whose shape is the same wherever it is
TAKES = {"M": 2, "L": 2, "C": 6, "H": 1, "V": 1, "h": 1, "v": 1, "Z": 0}


def shortened(d: str, across: float, down: float) -> str:
    """The path in short when all is moved; nothing where a command is not known here."""
    if found := IN_EVEN_STEPS.fullmatch(d):
        return f"M{_numbers([round(float(found[1]) + across, DIGITS), round(float(found[2]) + down, DIGITS)])}{_even_steps(found[3])}"
    return in_steps([(command, _moved(command, numbers, across, down)) for command, numbers in _commands(d)])


def _commands(d: str) -> list[tuple[str, list[float]]]:
    """The commands of a path, each with the numbers of one step; nothing where one is not known here."""
    found = [(command, [float(number) for number in NUMBER.findall(numbers)]) for command, numbers in PART.findall(d)]
    if not found or found[0][0] != "M" or any(TAKES.get(command) != len(numbers) for command, numbers in found):
        return []
    return found


def _moved(command: str, numbers: list[float], across: float, down: float) -> list[float]:
    """A command's numbers when all is moved."""
    if command in "hvZ":
        return numbers
    steps = {"H": (across,), "V": (down,)}.get(command, (across, down))
    return [number + steps[place % len(steps)] for place, number in enumerate(numbers)]


def in_steps(parts: list[tuple[str, list[float]]]) -> str:
    """The path with steps in place of places; each step starts where the rounded ones before it have led, so that roundings do not add up."""
    written, x, y, start, last, smooth = "", 0.0, 0.0, (0.0, 0.0), "", (nan, nan)
    for command, numbers in parts:
        if command == "Z":
            (x, y), last = start, "z"
            written += last
            continue
        if command == "M":
            name, steps = command, [round(number, DIGITS) for number in numbers]
            x, y = start = steps[0], steps[1]
        elif command == "C":
            name, steps = "c", [round(number - (y if place % 2 else x), DIGITS) for place, number in enumerate(numbers)]
            x, y = x + steps[-2], y + steps[-1]
            if all(abs(step - wanted) < MIRRORED for step, wanted in zip(steps, smooth, strict=False)):
                name, steps = "s", steps[2:]
        else:
            name, steps = _line(command, numbers, x, y)
            x, y = x + (0.0 if name == "v" else steps[0]), y + (0.0 if name == "h" else steps[-1])
        smooth = (steps[-2] - steps[-4], steps[-1] - steps[-3]) if name in "cs" else (nan, nan)
        text = _numbers(steps)
        joined = name == last and name in "lhvcs"
        written += (("" if text[0] == "-" else " ") if joined else name) + text
        last = name
    return written


@lru_cache(maxsize=1024)
def _even_steps(steps: str) -> str:
    return in_steps(_commands(f"M0,0{steps}")).removeprefix("M0,0")


def _line(command: str, numbers: list[float], x: float, y: float) -> tuple[str, list[float]]:
    """The shortest name of a straight step from this place, with what it takes."""
    if command in "hH":
        ends = numbers[0] + (x if command == "h" else 0.0), y
    elif command in "vV":
        ends = x, numbers[0] + (y if command == "v" else 0.0)
    else:
        ends = numbers[0], numbers[1]
    across, down = round(ends[0] - x, DIGITS), round(ends[1] - y, DIGITS)
    if not down:
        return "h", [across]
    return ("l", [across, down]) if across else ("v", [down])


def _numbers(numbers: list[float]) -> str:
    """Numbers with a space between them where no sign parts them."""
    text = short(numbers[0])
    for number in numbers[1:]:
        more = short(number)
        text += more if more[0] == "-" else f",{more}"
    return text


@lru_cache(maxsize=8192)
def short(number: float) -> str:
    """A rounded number, without zeros that say nothing."""
    text = f"{number + 0.0:.{DIGITS}f}".removesuffix(".0")
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text
