"""What a function reads besides its inputs and changes from call to call: random generators, buffers of networks.

Both are found by looking where the function can look. What belongs to a network, or is an input, is put back after
each call, so that every call starts from the same state and none of them leaves a trace.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from tinygrad_edu.tensor import Tensor

DEPTH = 6  # of containers and functions within functions, beyond which nobody looks
LIBRARIES = ("tinygrad_edu.", "numpy.")  # their functions hold nothing of the user's
HANDLE = ("_data", "_node", "_owner", "_broken")  # what a handle stands for


def contents(handle: Tensor) -> list[Any]:
    """What a handle stands for, to be given back by `set_contents`."""
    return [getattr(handle, name) for name in HANDLE]


def set_contents(handle: Tensor, saved: Sequence[Any]) -> None:
    """Let a handle stand for something else."""
    for name, value in zip(HANDLE, saved, strict=True):
        setattr(handle, name, value)


class Surroundings:
    """The generators and buffers within reach of some functions, and the generators among their inputs.

    own      generators of networks, and those among the inputs, by name: they are replayed
    others   those found elsewhere, which are only watched, to say who is to blame
    drawn    names of those in `own` that a call has drawn from
    """

    def __init__(self, functions: Sequence[Any], inputs: Sequence[tuple[str, Any]]) -> None:
        self.own: dict[str, np.random.Generator] = {}
        self.others: dict[str, np.random.Generator] = {}
        self.drawn: dict[str, None] = {}
        self.buffers: list[tuple[Any, str, Tensor, np.ndarray]] = []  # module, name, tensor, a copy of its array
        self._seen: set[int] = set()
        for name, value in inputs:
            self._look(name, value, own=True)
        for function in functions:
            self._look("", function)
        self.states = {name: generator.bit_generator.state for name, generator in self.own.items()}

    @contextmanager
    def replayed(self) -> Iterator[None]:
        """After the block the own generators and the buffers are as they were found."""
        try:
            yield
        finally:
            for name, generator in self.own.items():
                if generator.bit_generator.state != self.states[name]:
                    self.drawn[name] = None
                    generator.bit_generator.state = self.states[name]
            for module, name, tensor, array in self.buffers:
                if getattr(module, name) is not tensor:
                    setattr(module, name, tensor)
                if not np.array_equal(tensor._data, array, equal_nan=array.dtype.kind in "fc"):
                    set_contents(tensor, contents(Tensor(array, name=tensor.name)))

    @contextmanager
    def suspects(self, found: list[str]) -> Iterator[None]:
        """Write into `found` what has been drawn from inside the block, though it isn't replayed."""
        before = {name: generator.bit_generator.state for name, generator in self.others.items()}
        shared = np.random.get_state(legacy=False)
        yield
        found.extend(name for name, g in self.others.items() if g.bit_generator.state != before[name])
        if _differ(shared, np.random.get_state(legacy=False)):
            found.append("np.random")

    def _look(self, name: str, value: Any, depth: int = 0, own: bool = False) -> None:
        """Keep what `value` is, holds or refers to; `own` says whether it belongs to a network or is an input."""
        if id(value) in self._seen or depth > DEPTH:
            return
        self._seen.add(id(value))
        parts: list[tuple[str, Any, bool]] = []
        if isinstance(value, np.random.Generator):
            (self.own if own else self.others).setdefault(name or "generator", value)
        elif hasattr(value, "named_modules") and not isinstance(value, type):
            self._look_at_network(name, value, depth)
        elif isinstance(value, dict):
            parts = [(f"{name}[{key!r}]" if name else str(key), part, own) for key, part in value.items()]
        elif isinstance(value, list | tuple):
            parts = [(f"{name}[{i}]", part, own) for i, part in enumerate(value)]
        elif isinstance(value, functools.partial):
            parts = [(name, part, False) for part in (value.func, value.args, value.keywords)]
        elif isinstance(value, FunctionType) and not str(value.__module__).startswith(LIBRARIES):
            parts = [(word, part, False) for word, part in _reads(value)]
        elif isinstance(getattr(value, "__func__", None), FunctionType):
            parts = [(name, value.__self__, False), (name, value.__func__, False)]
        for word, part, owned in parts:
            self._look(word, part, depth + 1, owned)

    def _look_at_network(self, name: str, network: Any, depth: int) -> None:
        modules = dict(network.named_modules())
        for path, module in modules.items():
            for key, part in vars(module).items():
                if not key.startswith("_") and isinstance(part, np.random.Generator | list | tuple | dict):
                    self._look(".".join(filter(None, (name, path, key))), part, depth + 1, True)
        if hasattr(network, "named_buffers"):
            for path, tensor in network.named_buffers():
                owner, _, key = path.rpartition(".")
                if owner in modules:
                    self.buffers.append((modules[owner], key, tensor, tensor._data.copy()))


def _differ(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return any(_differ(value, other[key]) for key, value in one.items())
    return not np.array_equal(one, other)


def _reads(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Names and values of what a function finds outside itself: closures, globals, default arguments."""
    code: CodeType = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or ()):
        with suppress(ValueError):  # not filled yet
            yield name, cell.cell_contents
    for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
        yield "default argument", default
    scope = function.__globals__
    for name in _global_names(code):
        if name in scope:
            yield name, scope[name]


def _global_names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):  # a function within the function
            yield from _global_names(constant)
