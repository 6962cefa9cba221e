"""Random generators that a function may draw from: found, replayed where they belong to it, and named as suspects."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import CodeType, FunctionType
from typing import Any

import numpy as np

DEPTH = 6  # of containers and functions within functions, beyond which nobody looks for a generator
LIBRARIES = ("tinygrad_edu.", "numpy.")  # their functions hold no generators of the user's


class Randomness:
    """The generators within reach of some functions, and among their inputs.

    Those of a network's modules, and those among the inputs, are replayed: each call starts from the same state,
    and afterwards they are as they were. Others are only watched, to say who is to blame.
    """

    def __init__(self, functions: list[Any], inputs: list[tuple[str, Any]]) -> None:
        self.own: dict[str, np.random.Generator] = {}
        self.others: dict[str, np.random.Generator] = {}
        seen: set[int] = set()
        roots = [(name, value, True) for name, value in inputs] + [("", f, False) for f in functions]
        for place, root, given in roots:
            for name, generator, owned in _generators(place, root, seen, 0, given):
                (self.own if owned else self.others).setdefault(name, generator)
        self.states = {name: generator.bit_generator.state for name, generator in self.own.items()}
        self.drawn: dict[str, None] = {}  # names of those replayed that a call has drawn from

    @contextmanager
    def replayed(self) -> Iterator[None]:
        """Inside the block every own generator starts from its state; afterwards it has it again."""
        try:
            yield
        finally:
            for name, generator in self.own.items():
                if generator.bit_generator.state != self.states[name]:
                    self.drawn[name] = None
                    generator.bit_generator.state = self.states[name]

    @contextmanager
    def suspects(self, found: list[str]) -> Iterator[None]:
        """Write into `found` what has been drawn from inside the block, though it isn't replayed."""
        before = {name: generator.bit_generator.state for name, generator in self.others.items()}
        legacy = np.random.get_state(legacy=False)
        yield
        found.extend(name for name, g in self.others.items() if g.bit_generator.state != before[name])
        if _differ(legacy, np.random.get_state(legacy=False)):
            found.append("np.random")


def _differ(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return any(_differ(value, other[key]) for key, value in one.items())
    return not np.array_equal(one, other)


def _generators(name: str, value: Any, seen: set[int], depth: int, owned: bool) -> Iterator[tuple[str, Any, bool]]:
    """(name, generator, whether it is a network's or an input) of all that `value` holds or refers to."""
    if id(value) in seen or depth > DEPTH:
        return
    seen.add(id(value))
    if isinstance(value, np.random.Generator):
        yield name or "generator", value, owned
    elif hasattr(value, "named_modules") and not isinstance(value, type):
        for path, module in value.named_modules():
            for key, part in vars(module).items():
                place = ".".join(filter(None, (name, path, key)))
                if isinstance(part, np.random.Generator | list | tuple | dict):
                    yield from _generators(place, part, seen, depth + 1, True)
    elif isinstance(value, dict):
        for word, part in value.items():
            yield from _generators(f"{name}[{word!r}]" if name else str(word), part, seen, depth + 1, owned)
    elif isinstance(value, list | tuple):
        for i, part in enumerate(value):
            yield from _generators(f"{name}[{i}]", part, seen, depth + 1, owned)
    elif isinstance(value, functools.partial):
        for part in (value.func, value.args, value.keywords):
            yield from _generators(name, part, seen, depth + 1, False)
    elif isinstance(value, FunctionType) and not str(value.__module__).startswith(LIBRARIES):
        for word, part in _reads(value):
            yield from _generators(word, part, seen, depth + 1, False)
    elif isinstance(getattr(value, "__func__", None), FunctionType):
        yield from _generators(name, value.__self__, seen, depth + 1, False)
        yield from _generators(name, value.__func__, seen, depth + 1, False)


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
