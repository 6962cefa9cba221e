"""The recorded graph: nodes that are recipes, the scopes they were made in, and the switches of recording.

A node says which op made an array, from which inputs and with which parameters. It holds the output *array*,
never the output Tensor, so there is no reference cycle and memory goes with the last reference. This module
must not know Tensors: they are handles on nodes.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import os
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterable
from contextlib import ContextDecorator
from types import CodeType, FrameType
from typing import Any

import numpy as np

from tinygrad_edu.errors import DtypeError, TinygradWarning, describe
from tinygrad_edu.op import Op

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_NOT_THE_USER = (_PACKAGE, os.path.dirname(np.__file__) + os.sep)  # which call back
_LIBRARY = os.path.dirname(os.__file__) + os.sep  # that of Python itself; what is installed may lie within it
_ENGINE = (
    "op",
    "node",
    "memory",
    "handle",
    "methods",
    "parameters",
    "interop",
    "tensor",
    "reverse",
    "autodiff",
    "transforms",
)
_FOLDERS = (
    "compositions",
    "functional",
    "batching",
    "gradcheck",
)  # x.max() is the user's call, not that of the composition
ENGINE_FILES = frozenset(
    [f"{_PACKAGE}{module}.py" for module in _ENGINE]
    + [f"{_PACKAGE}{folder}{os.sep}{module}" for folder in _FOLDERS for module in os.listdir(f"{_PACKAGE}{folder}")]
)

next_index = itertools.count(1).__next__
_get_frame = sys._getframe


class Node:
    """A recorded op call: the recipe by which `out` was made. Made by `tensor.recorded` only, read by everybody.

    `index` grows with time, so creation order is a topological order. `code` and `instruction` say where in
    the program the call stood; `site_of` turns them into a file and a line when somebody asks (0.1 µs instead
    of the 1 µs that looking up the line of every op would cost).
    """

    __slots__ = ("code", "grad", "hooks", "index", "inputs", "instruction", "name", "op", "out", "params", "scope")
    op: Op | None
    inputs: tuple[Node, ...]
    params: dict[str, Any]
    out: Any
    index: int
    scope: Scope | None
    code: CodeType
    instruction: int
    name: str | None  # set only when somebody names the tensor
    grad: Any  # set only where a gradient is kept
    hooks: tuple[Callable[[Any], Any], ...]  # called by backward with the complete cotangent

    requires_grad = True
    is_leaf = False


def keep_gradient(g: Any) -> None:
    """The mark among a node's hooks that its gradient is kept; backward itself does the keeping."""


class _Newest:
    """The index of the last write to any leaf, in any thread. On an object: writing to a class slows down its use."""

    __slots__ = ("index",)

    def __init__(self) -> None:
        self.index = 0


_newest = _Newest()
_writing = threading.Lock()  # or a thread could put an older index over a newer one


class Write:
    """A write into the arrays of leaves: its index, when it was, and the line of the user's that made it."""

    __slots__ = ("code", "index", "instruction")

    def __init__(self, frame: FrameType) -> None:
        with _writing:
            _newest.index = self.index = next_index()
        self.code: CodeType = frame.f_code
        self.instruction: int = frame.f_lasti

    @property
    def site(self) -> str:
        """`file.py:31`, where it was."""
        return site_of(self.code, self.instruction)


class Leaf(Node):
    """A tensor that requires grad and was not computed: where gradients accumulate.

    `write` is the last one into the array; a node recorded before it saved a value which no longer exists.
    """

    __slots__ = ("__weakref__", "write")
    write: Write | None
    is_leaf = True
    op, inputs, params, scope = None, (), {}, None

    def __init__(self, out: np.ndarray, name: str | None = None) -> None:
        self.out = out
        self.index = next_index()
        self.name = name
        self.hooks = ()
        self.grad = None
        self.write = None

    @property
    def written(self) -> int:
        """The index of the last write, 0 before any."""
        return 0 if self.write is None else self.write.index

    @property
    def written_at(self) -> str:
        """`file.py:31`, where the last write was."""
        return "" if self.write is None else self.write.site

    def stamp(self) -> None:
        """Remember that the array was written now, and by which line of the user's."""
        stamp([self], user_frame())


def stamp(leaves: Iterable[Leaf], frame: FrameType) -> None:
    """Remember that the arrays of `leaves` are written now, by the line where `frame` is."""
    write = Write(frame)
    for leaf in leaves:
        leaf.write = write


def last_write() -> int:
    """The index of the last write to any leaf: nodes recorded later saved no value that is gone."""
    return _newest.index


class Origin:
    """Where a gradient comes from: the line of the backward that gave it, and the output that it started from.

    `earlier` is another origin that went into the same gradient, where nothing says that both are meant: the same loss,
    the same line again, or a parameter that was changed in between (then `changed` is the line).
    """

    __slots__ = ("changed", "code", "earlier", "index", "instruction", "root")

    def __init__(self, root: int) -> None:
        frame = user_frame()
        self.code: CodeType = frame.f_code
        self.instruction: int = frame.f_lasti
        self.root = root
        self.index = next_index()
        self.earlier: Origin | None = None
        self.changed = ""

    @property
    def site(self) -> str:
        """`file.py:31`, where backward was called."""
        return site_of(self.code, self.instruction)

    def added_to(self, leaf: Leaf, before: Any) -> Origin:
        """The origin of a gradient of `leaf` that was added to `before`, the one that was there."""
        earlier: Origin | None = getattr(before, "_origin", None)
        if earlier is None or not before._data.any():  # a gradient that somebody set, or cleared in place
            return self
        changed = leaf.written > earlier.index
        again = earlier.root == self.root or (earlier.code is self.code and earlier.instruction == self.instruction)
        both: Origin = object.__new__(Origin)
        both.code, both.instruction, both.root, both.index = self.code, self.instruction, self.root, self.index
        both.earlier = earlier.earlier or (earlier if changed or again else None)
        both.changed = earlier.changed
        if changed and not both.changed:
            both.changed = leaf.written_at
        return both


class Mark(Leaf):
    """A leaf that a transform made, to differentiate by; it concerns nobody outside the transform."""

    __slots__ = ()


class Constant(Node):
    """A value in the graph that needs no gradient: an array of data, or a Python number (weak in dtype)."""

    __slots__ = ()
    requires_grad = False
    is_leaf = True
    op, inputs, params, scope = None, (), {}, None

    def __init__(self, out: Any, name: str | None = None) -> None:
        self.out = out
        self.index = next_index()
        self.name = name


def constant(out: Any) -> Constant:
    """A Constant without a name, in a third of the time that calling the class takes (0.15 µs)."""
    node = object.__new__(Constant)
    node.out = out
    node.index = next_index()
    node.name = None
    return node


class Scope:
    """One call of a module or a loss: its name within its parent, what to print on its box, where it was called.

    `label()` is the text for the box; only pictures ask for it.
    """

    __slots__ = ("code", "instruction", "kind", "label", "module", "name", "parent")

    def __init__(self, name: str, kind: str, label: Callable[[], str], module: Any = None) -> None:
        self.name = name
        self.kind = kind  # "module" or "loss"
        self.label = label
        self.module = module
        self.parent: Scope | None = _per_thread.state.scope
        frame = _get_frame(2)
        self.code: CodeType = frame.f_code
        self.instruction: int = frame.f_lasti
        if self.parent is not None and self.code.co_filename.startswith(_PACKAGE):
            self.code, self.instruction = self.parent.code, self.parent.instruction

    @property
    def path(self) -> str:
        """Names from the outermost scope to this one, such as `mlp.layer1`."""
        return ".".join(scope.name for scope in self.chain() if scope.name)

    def chain(self) -> list[Scope]:
        """The scopes from the outermost to this one."""
        scopes: list[Scope] = []
        scope: Scope | None = self
        while scope is not None:
            scopes.append(scope)
            scope = scope.parent
        return scopes[::-1]

    def __enter__(self) -> Scope:
        state().scope = self
        return self

    def __exit__(self, *_: object) -> None:
        state().scope = self.parent


class State:
    """The switches of recording, one set per thread."""

    __slots__ = ("again", "level", "record_all", "recording", "scope", "watchers")

    def __init__(self) -> None:
        self.recording = True
        self.level: Any = None  # the innermost vmap that runs; see batching/tensor.py
        self.again = False  # a checkpointed function runs for the second time
        self.record_all = False  # a tracer needs ops on constants too
        self.scope: Scope | None = None
        self.watchers: tuple[Any, ...] = ()  # see watch.py


class _PerThread(threading.local):
    def __init__(self) -> None:
        self.state = State()


_per_thread = _PerThread()


def state() -> State:
    """The switches of the running thread."""
    return _per_thread.state


class recording(ContextDecorator):  # noqa: N801  it is used like a function
    """Switch recording on or off inside the block, or the decorated function, for this thread."""

    def __init__(self, on: bool) -> None:
        self.on = on
        self.before: list[tuple[State, bool]] = []  # the same one may be entered within itself, and by several threads

    def _recreate_cm(self) -> recording:
        """One for each call of a decorated function: threads may call it at once."""
        return recording(self.on)

    def __call__(self, function: Any) -> Any:
        """The function with the switch set inside it: where it waits or yields, only while it runs itself."""
        if isinstance(function, type):
            what = f"no_grad decorates functions, not a class: methods of {function.__name__} would record all the same"
            raise DtypeError(describe(what, where=here(), fix="decorate its methods", code="not-callable"))
        if inspect.isasyncgenfunction(function):

            @functools.wraps(function)
            async def asynchronous_generator(*args: Any, **kwargs: Any) -> Any:
                inside = function(*args, **kwargs)
                step: Callable[[], Any] = inside.__anext__
                while True:
                    try:
                        value = await self._stepwise(step().__await__())
                    except StopAsyncIteration:
                        return
                    try:
                        step = functools.partial(inside.asend, (yield value))
                    except GeneratorExit:
                        await self._stepwise(inside.aclose().__await__())
                        raise
                    except BaseException as error:
                        step = functools.partial(inside.athrow, error)

            return asynchronous_generator
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def coroutine(*args: Any, **kwargs: Any) -> Any:
                return await self._stepwise(function(*args, **kwargs).__await__())

            return coroutine
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generator(*args: Any, **kwargs: Any) -> Any:
                return (yield from self._stepwise(function(*args, **kwargs)))

            return generator
        return super().__call__(function)

    @types.coroutine
    def _stepwise(self, inside: Any) -> Any:
        """The generator `inside`, or what a coroutine waits for, with the switch set while it runs."""
        step: Callable[[], Any] = inside.__next__
        while True:
            try:
                with recording(self.on):
                    value = step()
            except StopIteration as end:
                return end.value
            try:
                step = functools.partial(inside.send, (yield value))
            except GeneratorExit:
                inside.close()
                raise
            except BaseException as error:
                step = functools.partial(inside.throw, error)

    def __enter__(self) -> None:
        now = _per_thread.state
        self.before.append((now, now.recording))
        now.recording = self.on

    def __exit__(self, *_: object) -> None:
        now = _per_thread.state
        place = next(i for i in range(len(self.before) - 1, -1, -1) if self.before[i][0] is now)
        now.recording = self.before.pop(place)[1]


def user_frame() -> FrameType:
    """The innermost frame of the user's: outside the package and of what calls back into it."""
    frame = _get_frame(2)
    while not _is_users(frame.f_code.co_filename) and frame.f_back is not None:
        frame = frame.f_back
    return frame


@functools.cache
def _is_users(file: str) -> bool:
    """Whether a file is part of a program: not of the package, of NumPy, or of Python itself (`random.shuffle(t)`)."""
    if file.startswith(_LIBRARY):
        return "-packages" in file and not file.startswith(_NOT_THE_USER)
    return not file.startswith(_NOT_THE_USER)


def _shown(file: str) -> str:
    """A file as errors name it; the cells of a notebook by their numbers, `Cell In[3]`."""
    notebook = sys.modules.get("IPython")
    if notebook is not None and (shell := notebook.get_ipython()) is not None:
        cell = getattr(shell.compile, "format_code_name", lambda file: None)(file)
        if cell is not None:
            return " ".join(cell)
    return os.path.basename(file)


def site_of(code: CodeType, instruction: int, scope: Scope | None = None) -> str:
    """`file.py:31` of the user's program: of the instruction, or of the call of the scope around it."""
    path, line = line_of(code, instruction, scope)
    return f"{_shown(path)}:{line}"


def line_of(code: CodeType, instruction: int, scope: Scope | None = None) -> tuple[str, int]:
    """The same as a path and the number of a line."""
    while code.co_filename.startswith(_PACKAGE) and scope is not None:
        code, instruction, scope = scope.code, scope.instruction, scope.parent
    line = next((line for start, end, line in code.co_lines() if start <= instruction < end), None)
    return code.co_filename, line or code.co_firstlineno


def node_site(node: Node) -> str:
    """`file.py:31`, where the call that made `node` stands; empty for a leaf."""
    return "" if node.op is None else site_of(node.code, node.instruction, node.scope)


def caution(text: str) -> None:
    """Warn the user, at the line of his that led here."""
    frame = user_frame()
    file, line, names = frame.f_code.co_filename, frame.f_lineno, frame.f_globals
    warnings.warn_explicit(
        text, TinygradWarning, file, line, names.get("__name__"), names.setdefault("__warningregistry__", {})
    )


def here() -> str:
    """`file.py:31` of the innermost frame outside the package."""
    frame = user_frame()
    return f"{_shown(frame.f_code.co_filename)}:{frame.f_lineno}"
