"""What is checked: a function or a network, with its inputs and parameters, fit to be called again and again.

Everything moves on float64 copies. A parameter keeps its place in the network: during a call its handle stands
for the copy, afterwards for what it was. Random generators that belong to a network, or are given as an input,
start every call from the same state, so dropout draws the same mask each time.
"""

from __future__ import annotations

import fnmatch
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.errors import DtypeError, GradientError, describe
from tinygrad_edu.gradcheck.plan import Plan, record
from tinygrad_edu.gradcheck.surroundings import Surroundings, contents, set_contents
from tinygrad_edu.node import here, recording
from tinygrad_edu.tensor import Tensor, as_tensor
from tinygrad_edu.transforms import leaves_of, map_tree


@dataclass(frozen=True)
class Moving:
    """One array that the check moves: an input, or a parameter with its handle in the network."""

    name: str
    original: np.ndarray
    handle: Tensor | None = None

    @property
    def point(self) -> np.ndarray:
        """A float64 copy."""
        return np.array(self.original, dtype=np.float64)


class Subject:
    """The function with what it is called with; see `gradcheck` for what may be given.

    moving   what is checked, parameters first
    fixed    what is given and stays as it is: its name, and a phrase that says why
    """

    def __init__(
        self,
        f: Callable[..., Any],
        inputs: Any,
        params: Any = None,
        loss: Callable[..., Any] | None = None,
    ) -> None:
        if not callable(f):
            raise DtypeError(
                describe(
                    f"gradcheck takes a function or a network, not {type(f).__name__}",
                    where=here(),
                    fix="gradcheck(lambda x: …, [x]): it must be called again with other numbers",
                    code="gradcheck-no-function",
                )
            )
        self.f, self.loss = f, loss
        self.network = hasattr(f, "named_parameters")
        self.inputs = inputs if isinstance(inputs, list | tuple | dict) else [inputs]
        self.fixed: list[tuple[str, str]] = []
        self.moving: list[Moving] = list(self._parameters(params))
        self._places: list[int | None] = []  # for each leaf of the inputs: its place in `moving`
        self._leaves: list[Any] = leaves_of(self.inputs)
        named = list(self._named_leaves())
        for name, leaf in named:
            why = self._why_fixed(leaf, name)
            if why is None:
                self._places.append(len(self.moving))
                self.moving.append(Moving(getattr(leaf, "name", None) or name, _array(leaf)))
            else:
                self._places.append(None)
                if not isinstance(leaf, np.random.Generator):
                    self.fixed.append((name, why))
        self._must_move()
        self.surroundings = Surroundings([f, loss], named)

    @property
    def names(self) -> list[str]:
        """The names of what is checked."""
        return [moving.name for moving in self.moving]

    @property
    def points(self) -> list[np.ndarray]:
        """Fresh float64 copies of what is checked."""
        return [moving.point for moving in self.moving]

    @property
    def narrow(self) -> bool:
        """Whether the user's own gradient is computed in less than float64."""
        return any(moving.original.dtype.itemsize < 8 for moving in self.moving)

    def evaluate(self, tensors: Sequence[Tensor], record: bool = False) -> list[Tensor]:
        """The tensors that the function gives where `tensors` stand for what is checked.

        `record` has no meaning here: what depends on leaves is recorded.
        """
        return self._call(tensors, np.float64)

    def evaluate_as_given(self) -> tuple[list[Tensor], list[Tensor], Plan]:
        """Fresh leaves of the user's own dtypes, what the function gives for them, and how."""
        tensors = [Tensor(moving.original, requires_grad=True) for moving in self.moving]
        plan, outputs = record(lambda: self._call(tensors, None), tensors)
        return tensors, outputs, plan

    def _call(self, tensors: Sequence[Tensor], dtype: Any) -> list[Tensor]:
        places = iter(zip(self._places, self._leaves, strict=True))

        def argument(_: Any) -> Any:
            place, leaf = next(places)
            return tensors[place] if place is not None else _held(leaf, dtype)

        arguments = map_tree(argument, self.inputs)
        saved = [(m.handle, contents(m.handle)) for m in self.moving if m.handle is not None]
        try:
            for moving, tensor in zip(self.moving, tensors, strict=True):
                if moving.handle is not None:
                    set_contents(moving.handle, contents(tensor))
            with self.surroundings.replayed(), recording(True):
                value = self.f(**arguments) if isinstance(arguments, dict) else self.f(*arguments)
                if self.loss is not None:
                    value = self.loss(value)
            for moving, tensor in zip(self.moving, tensors, strict=True):
                if moving.handle is not None:  # a write inside f must be seen
                    tensor._data = moving.handle._data
        finally:
            for handle, before in saved:
                set_contents(handle, before)
        return _outputs(value)

    # --- what moves, and what doesn't ------------------------------------------------------------------------

    def _parameters(self, chosen: Any) -> Iterator[Moving]:
        if self.network:
            yield from self._selected(list(self.f.named_parameters()), chosen)  # type: ignore[attr-defined]
            return
        if chosen is None:
            return
        if hasattr(chosen, "named_parameters"):
            chosen = chosen.named_parameters()
        if isinstance(chosen, Mapping):
            chosen = list(chosen.items())
        if isinstance(chosen, Tensor):
            chosen = [chosen]
        if isinstance(chosen, str) or any(isinstance(part, str) for part in chosen):
            raise DtypeError(
                describe(
                    f"params={chosen!r} chooses among the parameters of a network, and f is a function",
                    where=here(),
                    fix="params=model.named_parameters() for a function that calls the model itself",
                    code="gradcheck-params",
                )
            )
        for place, part in enumerate(chosen, 1):
            name, tensor = part if isinstance(part, tuple) else (None, part)
            if not isinstance(tensor, Tensor) or not tensor.is_leaf or tensor.dtype.kind != "f":
                kind = f"a {tensor.dtype} result" if isinstance(tensor, Tensor) else type(tensor).__name__
                raise DtypeError(
                    describe(
                        f"params: number {place} is {kind}, not a floating Tensor that the function reads",
                        where=here(),
                        fix="params={'w': w, 'b': b} with the Tensors themselves",
                        code="gradcheck-params",
                    )
                )
            yield Moving(name or tensor.name or f"parameter {place}", tensor._data.copy(), tensor)

    def _selected(self, named: list[tuple[str, Tensor]], chosen: Any) -> Iterator[Moving]:
        """The network's parameters that a glob, or one of several, chooses."""
        globs = ["*"] if chosen is None else [chosen] if isinstance(chosen, str) else list(chosen)
        for glob in globs:
            if not isinstance(glob, str):
                raise DtypeError(
                    describe(
                        f"params of a network are chosen by name, not by {type(glob).__name__}",
                        where=here(),
                        fix='params="layer2.*", or a list of such patterns',
                        code="gradcheck-params",
                    )
                )
            if chosen is not None and not fnmatch.filter((name for name, _ in named), glob):
                raise GradientError(
                    describe(
                        f"no parameter is called {glob!r}",
                        where=here(),
                        found=", ".join(name for name, _ in named) or "the network has no parameters",
                        fix='params="layer2.*" for a layer, "*.bias" for all biases',
                        code="gradcheck-params",
                    )
                )
        for name, parameter in named:
            if not any(fnmatch.fnmatchcase(name, glob) for glob in globs):
                continue
            if parameter.requires_grad:
                yield Moving(name, parameter._data.copy(), parameter)
            else:
                self.fixed.append((name, "is frozen (requires_grad is False)"))

    def _why_fixed(self, leaf: Any, name: str) -> str | None:
        """Why a leaf of the inputs stays as it is; None for one that is checked."""
        if isinstance(leaf, Tensor | np.ndarray | np.generic):
            if leaf.dtype.kind == "c":
                raise DtypeError(
                    describe(
                        f"gradcheck: {name} is {leaf.dtype}",
                        where=here(),
                        why="a derivative by a complex number is two real ones",
                        fix="make f a function of the real and the imaginary part",
                        code="gradcheck-complex",
                    )
                )
            if leaf.dtype.kind != "f":
                return f"is {leaf.dtype} and has no derivative"
            is_data = self.network and not (isinstance(leaf, Tensor) and leaf.requires_grad)
            return "is data of a network (Tensor(x, requires_grad=True) is checked)" if is_data else None
        if isinstance(leaf, int | float) and not isinstance(leaf, bool):
            return "is data of a network" if self.network else None
        return f"is {type(leaf).__name__} and has no derivative"

    def _must_move(self) -> None:
        if sum(moving.original.size for moving in self.moving):
            return
        without = [f"{name} {why}" for name, why in self.fixed if "no derivative" in why]
        if without:
            raise DtypeError(
                describe(
                    f"gradcheck has nothing to check: {', '.join(without)}",
                    where=here(),
                    fix="a.astype(float), if it is meant to be differentiated by",
                    code="gradcheck-nothing",
                )
            )
        raise GradientError(
            describe(
                "gradcheck has nothing to check: the inputs have no entries",
                where=here(),
                fix="gradcheck(f, [x]) for a function of x; gradcheck(f, params={'w': w}) for one that reads w itself",
                code="gradcheck-nothing",
            )
        )

    def _named_leaves(self) -> Iterator[tuple[str, Any]]:
        """The leaves of the inputs in the order of map_tree, named after the parameters of `f`."""
        if isinstance(self.inputs, dict):
            parts = [(str(key), value) for key, value in self.inputs.items()]
        else:
            function = self.f.forward if self.network else self.f  # type: ignore[attr-defined]
            parts = list(zip(_parameter_names(function, len(self.inputs)), self.inputs))
        for name, value in parts:
            yield from _tree_leaves(name, value)


def _held(leaf: Any, dtype: Any) -> Any:
    """What a call gets for an input that stays: a copy, in float64 where it has fractions."""
    if isinstance(leaf, Tensor | np.ndarray):
        array = np.array(leaf._data if isinstance(leaf, Tensor) else leaf)
        array = array.astype(dtype) if dtype is not None and array.dtype.kind == "f" else array
        return Tensor(array, name=leaf.name) if isinstance(leaf, Tensor) else array
    return leaf


def _outputs(value: Any) -> list[Tensor]:
    leaves = leaves_of(value)
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise DtypeError(
                describe(
                    f"gradcheck: the function gave {type(leaf).__name__}, not a Tensor",
                    where=here(),
                    fix="return the result of tensor operations; float() and .item() leave the graph",
                    code="gradcheck-no-tensor",
                )
            )
        if leaf.dtype.kind not in "fiub":
            raise DtypeError(
                describe(
                    f"gradcheck: the function gave {leaf.dtype}",
                    where=here(),
                    fix="return tg.real(y) and tg.imag(y)",
                    code="gradcheck-complex",
                )
            )
    if not sum(leaf.size for leaf in leaves):
        shape = f"an empty Tensor {leaves[0].shape}" if leaves else "nothing"
        raise GradientError(
            describe(
                f"gradcheck has nothing to check: the function gave {shape}",
                where=here(),
                fix="return a Tensor with at least one element",
                code="gradcheck-nothing",
            )
        )
    return leaves


def _tree_leaves(name: str, tree: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _tree_leaves(f"{name}[{key!r}]", value)
    elif isinstance(tree, list | tuple):
        fields = getattr(tree, "_fields", None)
        for place, value in enumerate(tree):
            yield from _tree_leaves(f"{name}.{fields[place]}" if fields else f"{name}[{place}]", value)
    else:
        yield name, tree


def _parameter_names(f: Callable[..., Any], count: int) -> list[str]:
    """The names under which `f` takes its first arguments; `input 1` and so on where it doesn't tell."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return [f"input {place}" for place in range(1, count + 1)]
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][:count]
    return names + [f"input {place}" for place in range(len(names) + 1, count + 1)]


def _array(leaf: Any) -> np.ndarray:
    """The numbers of an input that is checked; Python's numbers are float64."""
    if isinstance(leaf, Tensor | np.ndarray | np.generic):
        return np.array(as_tensor(leaf)._data)
    return np.array(leaf, dtype=np.float64)
