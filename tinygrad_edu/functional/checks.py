"""What the functions here ask of their settings: whole numbers, one per axis, probabilities; each with one error."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.errors import DataError, DtypeError, ShapeError, describe
from tinygrad_edu.memory import label
from tinygrad_edu.node import here
from tinygrad_edu.tensor import Tensor

AXES = {1: "length", 2: "height, width", 3: "depth, height, width"}


def whole(value: Any, name: str, least: int = 1) -> int:
    """`value` as an int of at least `least`. Raises DtypeError for what is no whole number, DataError below."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise DtypeError(
            describe(f"{name} must be a whole number, not {value!r}", where=here(), code="not-a-whole-number")
        )
    if value < least:
        raise DataError(
            describe(f"{name} must be at least {least}, not {value}", where=here(), code="number-out-of-range")
        )
    return int(value)


def per_axis(value: Any, name: str, count: int, least: int = 1) -> tuple[int, ...]:
    """One whole number for each of `count` axes: a number for all of them, or a sequence of as many."""
    if isinstance(value, tuple | list):
        if len(value) == 1:
            value = tuple(value) * count
        if len(value) != count:
            raise ShapeError(
                describe(
                    f"{name} has {len(value)} numbers for {count} axes ({AXES[count]})",
                    where=here(),
                    fix="one number for all axes, or one per axis",
                    code="numbers-per-axis",
                )
            )
        return tuple(whole(one, name, least) for one in value)
    return (whole(value, name, least),) * count


def must_have_axes(name: str, x: Tensor, ndim: int, **facts: str) -> None:
    """Raise ShapeError where x has not the axes (n, channels, …) with `ndim` sides, or those without n."""
    if x.ndim not in (ndim + 1, ndim + 2):
        raise ShapeError(
            describe(
                f"{name}: the input must have {ndim + 2} axes, or {ndim + 1} for one sample, not {x.ndim}",
                where=here(),
                expected=f"(n, channels, {AXES[ndim]}) or (channels, {AXES[ndim]})",
                input=label(x),
                **facts,
                code="wrong-number-of-axes",
            )
        )


def shortest(numbers: tuple[Any, ...]) -> Any:
    """One number where all are the same, of pairs too: pictures are shorter."""
    flat = {n for number in numbers for n in (number if isinstance(number, tuple) else (number,))}
    return flat.pop() if len(flat) == 1 else numbers


def real(value: Any, name: str, low: float = -float("inf"), high: float = float("inf")) -> float:
    """`value` as a float in [low, high]. Raises DtypeError for what is no number, DataError outside."""
    if isinstance(value, Tensor) and value.size == 1 and not value.requires_grad:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise DtypeError(describe(f"{name} must be a number, not {value!r}", where=here(), code="not-a-number"))
    if not low <= value <= high:
        bounds = f"from {low:g} to {high:g}" if high < float("inf") else f"at least {low:g}"
        raise DataError(describe(f"{name} must be {bounds}, not {value}", where=here(), code="number-out-of-range"))
    return float(value)


def one_of(value: Any, name: str, known: tuple[str, ...]) -> str:
    """`value` if it is one of the known words; else a DataError that lists them."""
    if value not in known:
        raise DataError(
            describe(
                f"no {name} is called {value!r}",
                where=here(),
                fix=" or ".join(f'"{word}"' for word in known),
                code="unknown-choice",
            )
        )
    return str(value)


def floating(x: Tensor, name: str) -> Tensor:
    """x itself if it holds real floating numbers; integers and booleans become the default float.

    Raises DtypeError for complex numbers, which have no order.
    """
    if x.dtype.kind == "f":
        return x
    if x.dtype.kind == "c":
        raise DtypeError(describe(f"{name} takes real numbers", where=here(), input=label(x), code="real-numbers-only"))
    from tinygrad_edu.handle import get_default_dtype

    return x.astype(get_default_dtype())
