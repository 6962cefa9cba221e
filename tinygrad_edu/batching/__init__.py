"""One sample's function on a whole batch: `vmap`, and per-sample gradients, without a loop over the samples.

A `Batched` tensor shows the shape of one sample and holds all of them along a hidden first axis. What an op does
with that axis is in `rules.py` and `indexing.py`, by name or by kind; an op that has no rule there runs sample by
sample, which is slower and just as right.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from tinygrad_edu.batching import indexing, rules  # noqa: F401  they fill the table of rules
from tinygrad_edu.batching.tensor import Batched, Level, batched
from tinygrad_edu.compositions.shape import moveaxis
from tinygrad_edu.errors import GradientError, ShapeError, describe
from tinygrad_edu.handle import must_be_callable
from tinygrad_edu.node import here
from tinygrad_edu.tensor import Tensor, as_tensor
from tinygrad_edu.transforms import grad, leaves_of, map_tree

__all__ = ["Batched", "batched", "per_sample_grad", "vmap"]


def vmap(f: Callable[..., Any], in_axes: Any = 0, out_axes: int = 0) -> Callable[..., Any]:
    """`f`, written for one sample, for a batch: arguments are split along their first axis, results stacked there.

    in_axes    0 for every argument, another axis, or one entry per argument: the axis to split it along, or None to
               give it whole to each sample
    out_axes   the axis of the results along which the samples lie

    >>> vmap(lambda x: (x * x).sum())(np.array([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([ 5., 25.])
    >>> vmap(lambda x: (x * x).sum(), in_axes=1)(np.array([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([10., 20.])
    """

    must_be_callable(f, "vmap maps a function of one sample", "tg.vmap(lambda x: x @ w)(batch)")

    def mapped(*args: Any) -> Any:
        axes = list(in_axes) if isinstance(in_axes, tuple | list) else [in_axes] * len(args)
        if len(axes) != len(args) or not all(axis is None or isinstance(axis, int) for axis in axes):
            raise ShapeError(
                describe(
                    f"in_axes {in_axes!r} doesn't fit {len(args)} arguments",
                    where=here(),
                    fix="an axis or None for each",
                    code="tree-does-not-match",
                )
            )
        split = [(_first(arg, axis), axis) for arg, axis in zip(args, axes, strict=True)]
        count = _count(leaf for arg, axis in split if axis is not None for leaf in leaves_of(arg))
        level = Level(count)
        inside = [map_tree(_shared if axis is None else level.split, arg) for arg, axis in split]
        with level:
            result = f(*inside)
        joined = map_tree(level.joined, result)
        return map_tree(lambda y: moveaxis(y, 0, out_axes), joined) if out_axes else joined

    return mapped


def _first(arg: Any, axis: int | None) -> Any:
    """The arrays of an argument with the axis to split along moved to the front."""
    return map_tree(lambda x: moveaxis(x, axis, 0), arg) if axis else arg


def _count(leaves: Iterable[Any]) -> int:
    """How many samples the arrays have along their first axes. Raises ShapeError where they differ, or have no axes."""
    shapes = [np.shape(leaf) for leaf in leaves]
    if () in shapes:
        raise ShapeError(
            describe(
                "what is split among the samples must be arrays, with a first axis over the samples",
                where=here(),
                found="a single number; lists and tuples are taken for several arrays",
                fix="np.array([…]) for a list of numbers; in_axes=None for what all samples share",
                code="unequal-sample-counts",
            )
        )
    counts = sorted({shape[0] for shape in shapes})
    if len(counts) != 1:
        raise ShapeError(
            describe(
                f"all that is split needs equally many samples, got {counts}",
                where=here(),
                fix="in_axes=None for what all samples share",
                code="unequal-sample-counts",
            )
        )
    return int(counts[0])


def _shared(x: Any) -> Any:
    """An array as a Tensor, so that `x[i]` knows what an index of each sample's own means; all else as it is."""
    return as_tensor(x) if isinstance(x, np.ndarray) else x


def per_sample_grad(loss: Callable[..., Tensor], params: Any, batch: Any) -> Any:
    """The gradient of each sample's own loss by `params`: the form of `params`, with a first axis over the samples.

    loss     `loss(params, sample)` or `loss(params, *sample)`, one number for one sample
    params   a Tensor or array, or lists, tuples and dicts of them, shared by all samples; or a module, which `loss` may
             then call: the gradients come in a dict under the paths of its parameters
    batch    arrays with a first axis over the samples: one, or a tuple or dict of them

    One forward and one backward pass for the whole batch: `vmap` of `grad`. Like those of `grad`, the results have a
    history where something outside requires grad; the parameters of a module count as constants here.

    >>> w, x = np.array([1.0, 2.0]), np.array([[1.0, 0.0], [1.0, 1.0]])
    >>> per_sample_grad(lambda w, x: (w @ x) ** 2, w, x)
    Tensor([[2., 0.],
            [6., 6.]])
    """
    if hasattr(params, "named_parameters"):
        module, params = params, {path: p.detach() for path, p in params.named_parameters()}
        given = loss

        def loss(inside: dict[str, Any], *sample: Any) -> Tensor:
            with _replaced(module, inside):
                return given(module, *sample)

        loss.__signature__ = inspect.signature(given)  # type: ignore[attr-defined]
    spread = isinstance(batch, tuple) and _takes(loss) != 2

    def one(inside: Any, sample: Any) -> Tensor:
        value = loss(inside, *sample) if spread else loss(inside, sample)
        if not isinstance(value, Tensor) or value.size != 1:
            raise GradientError(
                describe(
                    f"per_sample_grad needs one number per sample, not {value!r}",
                    where=here(),
                    why="loss is called for one sample: without a batch axis",
                    code="not-a-scalar",
                )
            )
        return value

    return vmap(lambda sample: grad(one)(params, sample))(batch)


@contextlib.contextmanager
def _replaced(module: Any, tensors: dict[str, Any]) -> Iterator[None]:
    """Inside, the module's attributes at these paths are `tensors`; its parameters stay registered as they are."""
    modules = dict(module.named_modules())
    places = [(modules[path.rpartition(".")[0]], path.rpartition(".")[2], x) for path, x in tensors.items()]
    before = [vars(owner)[name] for owner, name, _ in places]
    try:
        for owner, name, x in places:
            object.__setattr__(owner, name, x)
        yield
    finally:
        for (owner, name, _), parameter in zip(places, before, strict=True):
            object.__setattr__(owner, name, parameter)


def _takes(function: Callable[..., Any]) -> int:
    """How many positional arguments a function takes; -1 if it takes any number or tells none."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return -1
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return -1
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty for p in parameters)
