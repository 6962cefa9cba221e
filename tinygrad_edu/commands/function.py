"""What `draw`, `explore` and `explain` look at: the user's own function, or a small network's loss."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from tinygrad_edu import functional, nn
from tinygrad_edu.commands.target import Target, complaints, load, tensors_in
from tinygrad_edu.errors import ProgramError, describe
from tinygrad_edu.tensor import Tensor

Function = Callable[..., Tensor]


def function_of(target: str | None, place: str | None) -> tuple[Function, tuple[Any, ...]]:
    """The function that `target`, such as `model.py:loss`, names, and what to call it with; or an example.

    place   of several Tensors in the result, which: `[0]`, `['loss']`
    """
    return _example() if target is None else _tracked(load(target), place)


def _example() -> tuple[Callable[..., Tensor], tuple[Any, ...]]:
    """A small network's loss, of which every number fits on its card."""
    mlp = nn.MLP([2, 3, 1], activation="tanh", output_activation=None, rng=0)

    def loss() -> Tensor:
        x, y = Tensor([[0.5, -1.0]], name="x"), Tensor([[0.25]], name="y")
        return functional.mse_loss(mlp(x), y)

    return loss, ()


def _tracked(target: Target, place: str | None) -> tuple[Callable[..., Tensor], tuple[Any, ...]]:
    """The user's function as one that gives one Tensor, and what to call it with."""
    given = target.arguments()

    @functools.wraps(getattr(target.function, "forward", target.function))  # variables of the code name the cards
    def chosen(*args: Any) -> Tensor:
        with complaints(target):
            result = _call(target.function, dict(zip(given, args)))
        return _chosen(target, result, place)

    return chosen, tuple(given.values())


def _call(function: Callable[..., Any], given: dict[str, Any]) -> Any:
    """What the function gives; each argument goes to its parameter in the way it can be passed."""
    if hasattr(function, "forward"):  # a network
        return function(*given.values())
    bound = inspect.signature(function).bind_partial()
    bound.arguments.update(given)
    return function(*bound.args, **bound.kwargs)


def _chosen(target: Target, result: Any, place: str | None) -> Tensor:
    found = tensors_in(target, result)
    if place is None and len(found) == 1:
        return next(iter(found.values()))
    if place not in found:
        places = ", ".join(filter(None, found))
        what = f"{target.name} gave {len(found)} Tensors; which one?" if place is None else f"there is no {place}"
        raise ProgramError(
            describe(
                f"{what}", where=target.path, found=places or "one Tensor", fix=f'--result "{next(iter(found))}"',
                code="which-result",
            )
        )  # fmt: skip
    return found[place]
