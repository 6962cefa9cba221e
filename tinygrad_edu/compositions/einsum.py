"""einsum: what users write, turned into the steps that have rules. `tg.einsum` and `np.einsum` are the same.

Each array is first reduced by itself (diagonals, letters of its own, sides of 1 that broadcast), then pairs are
multiplied in a good order, so that a product of n arrays costs n − 1 matrix products and its gradient twice that.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from tinygrad_edu.compositions.output import handed
from tinygrad_edu.errors import DtypeError, ShapeError, describe
from tinygrad_edu.interop import implements
from tinygrad_edu.node import here
from tinygrad_edu.ops.einsum import einsum_pair, einsum_single
from tinygrad_edu.tensor import Tensor, as_tensor

__all__ = ["einsum", "einsum_path"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@implements(np.einsum)
def einsum(
    *operands: Any,
    out: Any = None,
    dtype: Any = None,
    order: str = "K",
    casting: str = "safe",
    optimize: Any = "greedy",
) -> Tensor:
    """Sums of products, in Einstein's notation: `einsum("ij,jk->ik", a, b)[i, k] = Σⱼ a[i, j] · b[j, k]`.

    operands   the subscripts, then one array for each of their terms; or arrays and lists of whole numbers or
               Ellipsis in turn, with the output's list last if there is one: `einsum(a, [0, 1], b, [1, 2], [0, 2])`
    optimize   in which order pairs are multiplied: "greedy", "optimal", or a path that `einsum_path` gave. True and
               False, NumPy's default, mean "greedy": the order changes rounding only.
    dtype      of the arrays and the result, as far as `casting` allows; `order` has no effect

    A letter twice in one term takes the diagonal; letters that are not in the output are summed over; without an
    arrow the output has the letters that occur once, in alphabetical order; `...` stands for axes that broadcast,
    and a side of 1 broadcasts against the other sides of its letter.
    Raises ShapeError where the subscripts make no sense or don't fit the shapes.

    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> tg.einsum("ij,j->i", a, [1.0, 10.0])
    Tensor([21., 43.])
    >>> tg.einsum("ii", a)
    Tensor(5.)
    """
    if order not in ("C", "F", "A", "K"):
        raise ShapeError(
            describe(f"order is one of 'C', 'F', 'A' and 'K', not {order!r}", where=here(), code="unknown-choice")
        )
    subscripts, given = _as_subscripts(operands)
    arrays = [_cast(as_tensor(x), dtype, casting) for x in given]
    shapes = tuple(x.shape for x in arrays)
    try:
        terms, output = _terms(subscripts, tuple(map(len, shapes)))
        sides = _sides(terms, shapes)
        reduced = _reductions(terms, output, shapes, tuple(sides.items()))
    except ValueError as error:
        rows = {f"input {place}": str(shape) for place, shape in enumerate(shapes, 1)}
        raise ShapeError(
            describe(
                f"einsum: {subscripts!r} doesn't fit", where=here(), **rows, why=str(error), code="einsum-subscripts"
            )
        ) from None
    if len(arrays) > 2 and len({x.dtype for x in arrays}) > 1:
        common = np.result_type(*(x.dtype for x in arrays))
        arrays = [x.astype(common) if x.dtype != common else x for x in arrays]
    if len(arrays) == 1:
        return handed(einsum_single(arrays[0], subscripts=f"{terms[0]}->{output}"), out)
    for place, (term, kept) in enumerate(zip(terms, reduced)):
        if term != kept:
            arrays[place] = einsum_single(arrays[place], subscripts=f"{term}->{kept}")
    return handed(_contracted(arrays, list(reduced), output, sides, optimize), out)


def _cast(x: Tensor, dtype: Any, casting: str) -> Tensor:
    """An array in the dtype that the caller wants the sums to be computed in."""
    if dtype is None or x.dtype == np.dtype(dtype):
        return x
    if not np.can_cast(x.dtype, dtype, casting):  # type: ignore[arg-type]
        raise DtypeError(
            describe(
                f"einsum: {x.dtype} can't become {np.dtype(dtype)} with casting={casting!r}",
                where=here(),
                fix="casting='unsafe'",
                code="cast-not-allowed",
            )
        )
    return x.astype(dtype)


def _contracted(arrays: list[Tensor], terms: list[str], output: str, sides: dict[str, int], optimize: Any) -> Tensor:
    """The product of reduced arrays, pair by pair."""
    for chosen in _order(tuple(terms), output, tuple(sides.items()), optimize):
        group = [(arrays[place], terms[place]) for place in chosen]
        for place in sorted(chosen, reverse=True):
            del arrays[place], terms[place]
        x, a = group[0]
        for step, (y, b) in enumerate(group[1:], 2):
            later = "".join(terms) + "".join(term for _, term in group[step:])
            last = not later
            wanted = output if last else "".join(dict.fromkeys(c for c in a + b if c in output or c in later))
            x, a = einsum_pair(x, y, subscripts=f"{a},{b}->{wanted}"), wanted
        arrays.append(x)
        terms.append(a)
    return arrays[0]


def _order(terms: tuple[str, ...], output: str, sides: tuple[tuple[str, int], ...], optimize: Any) -> list[Any]:
    """Which terms are multiplied with each other, step by step; results go to the end of the list."""
    if len(terms) == 2:
        return [(0, 1)]
    if isinstance(optimize, list | tuple) and optimize and optimize[0] == "einsum_path":
        return _complete([tuple(int(place) for place in chosen) for chosen in optimize[1:]], len(terms))
    if isinstance(optimize, list | tuple) and len(optimize) == 2:
        optimize = optimize[0]  # with a limit of memory, which pairs don't need
    if optimize not in (True, False, "greedy", "optimal"):
        raise DtypeError(
            describe(
                f"einsum: optimize={optimize!r} is not known",
                where=here(),
                fix='"greedy", "optimal" or a path',
                code="unknown-choice",
            )
        )
    return list(_best_order(terms, output, sides, optimize if isinstance(optimize, str) else "greedy"))


@functools.lru_cache(maxsize=256)
def _best_order(
    terms: tuple[str, ...], output: str, sides: tuple[tuple[str, int], ...], how: str
) -> tuple[tuple[int, ...], ...]:
    # Sides of 0 make no order better than another, and np.einsum_path divides by them.
    size = {letter: max(side, 1) for letter, side in sides}
    shells = [np.broadcast_to(np.float64(0), [size[letter] for letter in term]) for term in terms]
    path = np.einsum_path(f"{','.join(terms)}->{output}", *shells, optimize=how)[0]
    return tuple(_complete([tuple(chosen) for chosen in path[1:]], len(terms)))


def _complete(path: list[tuple[int, ...]], count: int) -> list[tuple[int, ...]]:
    """A path of steps that exist and leave one array; what a short path leaves is multiplied in the end."""
    steps: list[tuple[int, ...]] = []
    for chosen in path:
        if len(set(chosen)) < len(chosen) or not chosen or max(chosen) >= count or min(chosen) < 0:
            raise ShapeError(
                describe(f"einsum: the path takes {chosen} of {count} arrays", where=here(), code="einsum-path")
            )
        steps.append(chosen)
        count -= len(chosen) - 1
    return [*steps, tuple(range(count))] if count > 1 else steps


# --- reading subscripts --------------------------------------------------------------------------------------------


def _as_subscripts(operands: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """The subscripts as a string, and the arrays; the form with lists of numbers is translated."""
    if operands and isinstance(operands[0], str):
        return operands[0].replace(" ", ""), list(operands[1:])
    if len(operands) < 2:
        raise ShapeError(
            describe(
                "einsum needs subscripts and arrays",
                where=here(),
                fix='einsum("ij,jk->ik", a, b)',
                code="wrong-arguments",
            )
        )
    arrays = list(operands[0 : len(operands) - 1 : 2])
    lists = list(operands[1::2])
    output = "->" + _from_numbers(operands[-1]) if len(operands) % 2 else ""
    return ",".join(map(_from_numbers, lists)) + output, arrays


def _from_numbers(labels: Any) -> str:
    if isinstance(labels, range | np.ndarray | Tensor):
        labels = list(labels) if isinstance(labels, range) else labels.tolist()
    if not isinstance(labels, list | tuple):
        raise ShapeError(
            describe(
                f"einsum: {labels!r} is not a list of labels", where=here(), fix="a, [0, 1]", code="einsum-subscripts"
            )
        )
    text = ""
    for label in labels:
        if label is Ellipsis:
            text += "..."
        elif isinstance(label, int | np.integer) and 0 <= label < len(_LETTERS):
            text += _LETTERS[int(label)]
        else:
            raise ShapeError(
                describe(
                    f"einsum: {label!r} is not a whole number from 0 to 51", where=here(), code="einsum-subscripts"
                )
            )
    return text


@functools.lru_cache(maxsize=512)
def _terms(subscripts: str, ndims: tuple[int, ...]) -> tuple[tuple[str, ...], str]:
    """One letter per axis for each array, and for the output; `...` gets letters of its own. ValueError if wrong."""
    left, arrow, right = subscripts.partition("->")
    parts = left.split(",")
    if len(parts) != len(ndims):
        raise ValueError(f"{len(parts)} terms for {len(ndims)} arrays")
    spare = [letter for letter in reversed(_LETTERS) if letter not in subscripts]
    hidden = [_hidden(part, ndim) for part, ndim in zip(parts, ndims)]
    most = max((count or 0 for count in hidden), default=0)
    if most > len(spare):
        raise ValueError("more axes than letters")
    broadcast = "".join(sorted(spare[:most]))
    terms = tuple(part.replace("...", broadcast[most - (count or 0) :]) for part, count in zip(parts, hidden))
    if not arrow:
        once = sorted(letter for letter in set(left) - set(".,") if left.count(letter) == 1)
        return terms, broadcast + "".join(once)
    if (hidden_out := _hidden(right, None)) is None and most:
        raise ValueError("the output needs '...', as the inputs have it")
    output = right.replace("...", broadcast) if hidden_out is not None else right
    if len(set(output)) < len(output):
        raise ValueError(f"a letter is twice in the output {right!r}")
    if unknown := set(output) - set("".join(terms)):
        raise ValueError(f"{sorted(unknown)[0]!r} is in the output but in no input")
    return terms, output


def _hidden(part: str, ndim: int | None) -> int | None:
    """How many axes `...` stands for in a term (0 where `ndim` is not known), None where there is none."""
    letters = part.replace("...", "", 1)
    if strange := [c for c in letters if c not in _LETTERS]:
        raise ValueError(f"{strange[0]!r} in {part!r} is neither a letter nor part of one '...'")
    dots = "..." in part
    if ndim is None:
        return 0 if dots else None
    if len(letters) > ndim or (len(letters) < ndim and not dots):
        raise ValueError(f"{part!r} has {len(letters)} letters for {ndim} axes")
    return ndim - len(letters) if dots else None


def _sides(terms: tuple[str, ...], shapes: tuple[tuple[int, ...], ...]) -> dict[str, int]:
    """The side of each letter: that of all its axes, where a 1 may stand for any other. ValueError if they differ."""
    sides: dict[str, int] = {}
    for term, shape in zip(terms, shapes):
        own: dict[str, int] = {}
        for letter, side in zip(term, shape):
            if own.setdefault(letter, side) != side:
                raise ValueError(f"the diagonal of {letter!r} in {term!r} has sides {own[letter]} and {side}")
            if sides.setdefault(letter, side) != side and side != 1:
                if sides[letter] != 1:
                    raise ValueError(f"{letter!r} has sides {sides[letter]} and {side}")
                sides[letter] = side
    return sides


@functools.lru_cache(maxsize=512)
def _reductions(
    terms: tuple[str, ...], output: str, shapes: tuple[tuple[int, ...], ...], sides: tuple[tuple[str, int], ...]
) -> tuple[str, ...]:
    """What is left of each term when its diagonals are taken, and its own letters and sides of 1 are summed away."""
    full = dict(sides)
    kept = [
        "".join(c for c, side in dict(zip(term, shape)).items() if side == full[c])
        for term, shape in zip(terms, shapes)
    ]
    return tuple(
        "".join(c for c in term if c in output or any(c in other for j, other in enumerate(kept) if j != i))
        for i, term in enumerate(kept)
    )


@implements(np.einsum_path)
def einsum_path(*operands: Any, optimize: Any = "greedy") -> tuple[list[Any], str]:
    """In which order einsum should multiply, and NumPy's account of what that costs; takes what `einsum` takes.

    >>> import tinygrad_edu as tg
    >>> tg.einsum_path("ij,jk,k->i", tg.ones((2, 3)), tg.ones((3, 4)), tg.ones(4))[0]
    ['einsum_path', (1, 2), (0, 1)]
    """
    subscripts, arrays = _as_subscripts(operands)
    shells = [np.broadcast_to(np.float64(0), as_tensor(x).shape) for x in arrays]
    path, account = np.einsum_path(subscripts, *shells, optimize=optimize)
    return list(path), account
