"""Two measurements of one document by one model, array by array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Shaped

from reportgen.archive import described
from reportgen.contract import TARGET_TEXT, TEXT, spec_of
from reportgen.measurements import Measurements
from reportgen.reproduction.tolerance import tolerance

INPUT = frozenset(["token_types", *TEXT, *TARGET_TEXT])
# What is chosen by comparing numbers, so that of two nearly equal ones either may be first; and arrays that are of what was chosen.
CHOICES = frozenset(
    [
        *("token_links.key", "query_key_pairs", "strongest_key", "coreference_example", "syntax_example", "pruning.order", "faithfulness.orders"),
        *(f"{name}_token_example" for name in ("duplicate", "previous", "next")),
        *("induction_example", "attribution.link_effect.pairs", "attribution.pair_rows"),
    ]
)
OF_CHOICES = {
    "query_key": "query_key_pairs",
    "attribution.link_effect.effects": "attribution.link_effect.pairs",
    "attribution.pairs": "attribution.pair_rows",
    "pruning.loss": "pruning.order",
    "faithfulness.deletion": "faithfulness.orders",
    "faithfulness.insertion": "faithfulness.orders",
}
CHOICES_AT_MOST = 0.05  # of an array's choices that may be others
IDENTICAL, WITHIN, OTHER_CHOICES, NOT_COMPARED, BEYOND, UNLIKE, GONE = (
    *("identical", "within tolerance", "other choices", "of other choices, not compared"),
    *("beyond tolerance", "another shape, input or count", "not measured again"),
)
FAILS = frozenset([BEYOND, UNLIKE, GONE])


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How far an array is from the same one measured again.

    `absolute` is the largest difference, `relative` the largest in units of the stored number, of those greater than the `tolerance`; `apart` counts entries
    beyond the tolerance (of integers: that differ), and those that are NaN in one alone. `place` is the index, along each of the array's axes, of the first
    entry that is NaN in one alone, or else of the largest difference (of integers: of the first one); empty where nothing differs or shapes do.
    """

    name: str
    kind: str
    size: int
    outcome: str
    absolute: float = 0.0
    relative: float = 0.0
    tolerance: float = 0.0
    apart: int = 0
    place: tuple[int, ...] = ()

    @property
    def fails(self) -> bool:
        """Whether the numbers are not reproduced."""
        return self.outcome in FAILS

    @property
    def where(self) -> str:
        """The place in words, with the contract's names of the axes, each index counted from 0: "layer 1, head 2"."""
        spec = spec_of(self.name) or spec_of(self.name.rpartition(".")[0])
        axes = () if spec is None else spec.axes
        named = ("layer", *axes) if len(axes) < len(self.place) else axes
        return ", ".join(f"{axis.replace('_', ' ')} {index}" for axis, index in zip(named, self.place, strict=False))


def differences(kept: Measurements, again: Measurements) -> tuple[Difference, ...]:
    """Of every array that was kept, in the order of their names. Memory: one array of each."""
    parts = [name for name in sorted(dict.fromkeys(key for key, _, _ in described(kept.arrays)))]
    found: dict[str, Difference] = {}
    for key in parts:
        for name, one, other in _fields(key, kept.arrays, again.arrays):
            found[name] = _difference(name, one, other, str(kept.metadata["dtype"]))
    return tuple(_hung(one, found) for one in found.values())


def new_arrays(kept: Measurements, again: Measurements) -> tuple[str, ...]:
    """The names of arrays that were measured again and are not in the file."""
    return tuple(sorted({key for key, _, _ in described(again.arrays)} - {key for key, _, _ in described(kept.arrays)}))


def _fields(key: str, kept: Mapping[str, np.ndarray], again: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray, np.ndarray | None]]:
    """An array as the parts that are compared: keys and weights of links, pairs of sentences and their effects; others whole."""
    one, other = kept[key], again[key] if key in again else None
    if one.dtype.names:
        alike = other is not None and other.dtype == one.dtype
        yield from ((f"{key}.{name}", one[name], other[name] if alike else None) for name in one.dtype.names)
    elif key == "attribution.link_effect":
        yield f"{key}.pairs", one[:, :2].astype(np.int32), None if other is None else other[:, :2].astype(np.int32)
        yield f"{key}.effects", one[:, 2:], None if other is None else other[:, 2:]
    else:
        yield key, one, other


def _bare(name: str) -> str:
    """Without window and stack."""
    bare = name.rpartition("/")[2]
    stack, _, rest = bare.partition(".")
    return rest if stack in ("encoder", "decoder", "cross") else bare


def _difference(name: str, one: Shaped[np.ndarray, "*axes"], other: Shaped[np.ndarray, "*others"] | None, model: str) -> Difference:
    plain = {"name": name, "kind": one.dtype.name, "size": one.size}
    if other is None:
        return Difference(**plain, outcome=GONE)
    if one.shape != other.shape:
        return Difference(**plain, outcome=UNLIKE)
    return _of_numbers(one, other, model, plain) if one.dtype.kind == "f" else _of_integers(one, other, plain)


def _of_integers(one: Shaped[np.ndarray, "*axes"], other: Shaped[np.ndarray, "*axes"], plain: dict) -> Difference:
    unlike = one != other
    apart = int(unlike.sum())
    chosen = _bare(plain["name"]) in CHOICES and apart <= CHOICES_AT_MOST * one.size
    return Difference(**plain, outcome=IDENTICAL if not apart else OTHER_CHOICES if chosen else UNLIKE, apart=apart, place=_greatest(unlike))


def _of_numbers(one: Shaped[np.ndarray, "*axes"], other: Shaped[np.ndarray, "*axes"], model: str, plain: dict) -> Difference:
    a, b = one.astype(np.float64), other.astype(np.float64)
    finite = np.isfinite(a) & np.isfinite(b)
    unlike = ~finite & ~((a == b) | (np.isnan(a) & np.isnan(b)))
    far = np.where(unlike, np.inf, 0.0)
    a, b = a[finite], b[finite]
    allowed = tolerance(model, one.dtype, float(np.abs(a).max(initial=0.0)))
    apart = np.abs(a - b)
    far[finite] = apart
    large = np.abs(a) > allowed
    beyond = int((apart > allowed).sum()) + int(unlike.sum())
    absolute = float(apart.max(initial=0.0))
    return Difference(
        **plain,
        outcome=BEYOND if beyond else WITHIN if absolute else IDENTICAL,
        absolute=absolute,
        relative=float((apart[large] / np.abs(a[large])).max(initial=0.0)),
        tolerance=allowed,
        apart=beyond,
        place=_greatest(far),
    )


def _greatest(values: Shaped[np.ndarray, "*axes"]) -> tuple[int, ...]:
    """The place of the first of the greatest; empty where nothing is greater than 0."""
    return tuple(int(index) for index in np.unravel_index(values.argmax(), values.shape)) if values.any() else ()


def _hung(one: Difference, found: Mapping[str, Difference]) -> Difference:
    """An array that is of choices which fell otherwise is not held against them."""
    bare = _bare(one.name)
    chosen = found.get(one.name.removesuffix(bare) + OF_CHOICES.get(bare, bare))
    if chosen is None or chosen is one or chosen.outcome != OTHER_CHOICES:
        return one
    return Difference(name=one.name, kind=one.kind, size=one.size, outcome=NOT_COMPARED)
