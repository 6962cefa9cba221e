"""`file.py:function` on the command line: the user's own function, found and called with clear complaints.

target = load("model.py:loss")
outputs = outputs_of(target)      # calls loss() with its default arguments: {"": Tensor} or {"[0]": …, …}
"""

from __future__ import annotations

import contextlib
import difflib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from tinygrad_edu.errors import FileNotFound, ProgramError, TinygradError, describe
from tinygrad_edu.tensor import Tensor

INPUTS = "inputs"  # the variable of the user's file that holds the arguments of what can't be called without


@dataclass(frozen=True)
class Target:
    """A function, op or module of the user's file, and the file's other names."""

    path: str
    name: str
    function: Callable[..., Any]
    module: ModuleType

    def arguments(self) -> dict[str, Any]:
        """What to call the function with, by parameter: its default values, or the file's variable `inputs`.

        A function that can be called without arguments is; another in the same file may need `inputs`, which is a list
        of the first arguments or a dict by name, or a function that gives one of them. Raises ProgramError where a
        parameter stays without a value.
        """
        parameters = _parameters(self.function)
        found = {p.name: p.default for p in parameters if p.default is not p.empty}
        if len(found) < len(parameters) and getattr(self.module, INPUTS, self.function) is not self.function:
            found |= self._given([p.name for p in parameters])
        missing = [p.name for p in parameters if p.name not in found]
        if missing:
            names = ", ".join(missing)
            filled = ", ".join(f"{p.name}=…" if p.name in missing else p.name for p in parameters)
            raise ProgramError(
                describe(
                    f"{self.name} needs {'a value' if len(missing) == 1 else 'values'} for {names}",
                    where=self.path,
                    fix=f"give default values: def {self.name}({filled}): …\nor write into the file: {INPUTS} = "
                    + "{"
                    + ", ".join(f'"{name}": …' for name in missing)
                    + "}",
                    code="no-arguments",
                )
            )
        return {p.name: found[p.name] for p in parameters}

    def _given(self, names: list[str]) -> dict[str, Any]:
        given = getattr(self.module, INPUTS)
        if callable(given) and not isinstance(given, Tensor):
            with complaints(self):
                given = given()
        if isinstance(given, dict):
            return {name: value for name, value in given.items() if name in names}
        return dict(zip(names, given if isinstance(given, list | tuple) else [given]))

    def call(self) -> Any:
        """What the function gives for `arguments()`."""
        given = self.arguments()
        with complaints(self):
            return self.by_name()(**given)

    def by_name(self) -> Callable[..., Any]:
        """The function itself, or where some of its parameters have no name for callers one that gives them theirs."""
        parameters = _parameters(self.function)
        nameless = [p.name for p in parameters if p.kind is p.POSITIONAL_ONLY]
        if not nameless:
            return self.function

        def named(**given: Any) -> Any:
            first = [given.pop(name) for name in nameless]
            return self.function(*first, **given)

        return named


def load(text: str) -> Target:
    """The function that `text`, such as `model.py:loss`, names. Without a name: the only one in the file.

    The file runs once, as when it is imported; its folder is where it finds its neighbours. Raises FileNotFound or
    ProgramError.
    """
    path, name = _split(text)
    if not os.path.isfile(path):
        what = "it is a folder" if os.path.isdir(path) else "no such file"
        raise FileNotFound(
            describe(
                f"can't read {path or repr(path)}",
                why=what,
                where=os.path.abspath(path),
                fix="path/to/file.py:function"
                + ("" if path.endswith(".py") else ", or the folder that `tinygrad-edu train` wrote"),
                code="no-such-file",
            )
        )
    module = _run(path)
    choices = _functions(module)
    if not name:
        if len(choices) != 1:
            what = f"which function of {path}?" if choices else f"{path} defines no function"
            raise ProgramError(describe(what, found=", ".join(choices), fix=f"{path}:name", code="which-function"))
        (name,) = choices
    found = getattr(module, name, None)
    if not callable(found) or isinstance(found, type):
        kind = "is not in" if found is None else f"is {_kind(found)}, not a function, in"
        close = difflib.get_close_matches(name, choices, 1)
        raise ProgramError(
            describe(
                f"{name} {kind} {path}",
                found=", ".join(choices) or "no functions",
                fix=f"{path}:{close[0] if close else choices[0] if choices else 'function'}",
                code="no-such-function",
            )
        )
    return Target(path, name, found, module)


def outputs_of(target: Target) -> dict[str, Tensor]:
    """The Tensors that the function gives, each under where it is in the result: `""` for one, `"[0]"`, `"['loss']"`.

    Raises ProgramError where the result holds none.
    """
    return tensors_in(target, target.call())


def tensors_in(target: Target, result: Any) -> dict[str, Tensor]:
    """The Tensors of a result of the function, as `outputs_of` gives them."""
    found = dict(_tensors("", result))
    if not found:
        raise ProgramError(
            describe(
                f"{target.name} gave {_kind(result)}, not a Tensor",
                where=target.path,
                fix="return the result of tensor operations",
                code="no-tensor",
            )
        )
    return found


def _tensors(place: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield place, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _tensors(f"{place}[{key!r}]", part)
    elif isinstance(value, list | tuple):
        for i, part in enumerate(value):
            yield from _tensors(f"{place}[{i}]", part)


def _split(text: str) -> tuple[str, str]:
    """Path and name; a drive's colon, as in `C:\\model.py`, is none of ours."""
    path, colon, name = text.rpartition(":")
    return (path, name) if colon and name.isidentifier() else (text.removesuffix(":"), "")


def _run(path: str) -> ModuleType:
    """The module of the file, under a name that can't hide another module's."""
    folder, file = os.path.split(os.path.abspath(path))
    name = "_target_" + "".join(c if c.isalnum() else "_" for c in os.path.splitext(file)[0])
    spec = importlib.util.spec_from_loader(name, None, origin=path)
    if spec is None:
        raise ProgramError(describe(f"{path} can't be run", code="file-not-readable"))
    module = importlib.util.module_from_spec(spec)
    module.__file__ = path
    sys.modules[name] = module  # data classes and the like look their module up
    if folder not in sys.path:
        sys.path.insert(0, folder)
    with complaints(path):
        with open(path, "rb") as source:
            code = compile(source.read(), path, "exec")
        exec(code, module.__dict__)
    return module


def _functions(module: ModuleType) -> list[str]:
    """The names of what the file makes and a command can call: its functions, ops and networks, in order."""
    own = [name for name in vars(module) if not name.startswith("_") and name != INPUTS]
    return [name for name in own if _is_own(getattr(module, name), module)]


def _is_own(value: Any, module: ModuleType) -> bool:
    if inspect.isfunction(value):
        return value.__module__ == module.__name__
    return getattr(value, "custom", False) is True or (callable(value) and _is_network(value))


def _is_network(value: Any) -> bool:
    return hasattr(value, "named_parameters") and not isinstance(value, type)


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of the function, or of the network's `forward`, that need a value."""
    try:
        parameters = inspect.signature(function.forward if _is_network(function) else function).parameters.values()  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        return []
    return [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def _kind(value: Any) -> str:
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


@contextlib.contextmanager
def complaints(target: Target | str) -> Iterator[None]:
    """Turn what the user's code raises into one message with its line; errors of the project say it already."""
    path = target if isinstance(target, str) else target.path
    try:
        yield
    except TinygradError:
        raise
    except SyntaxError as error:
        line = (error.text or "").rstrip()
        indent = len(line) - len(line.lstrip())
        marked = line.lstrip() + (f"\n{' ' * (error.offset - 1 - indent)}^" if error.offset else "")
        raise ProgramError(
            describe(
                f"{path} is not valid Python: {error.msg}",
                where=os.path.basename(error.filename or path) + (f":{error.lineno}" if error.lineno else ""),
                line=marked,
                code="user-code-syntax",
            )
        ) from None
    except (Exception, SystemExit) as error:
        step = _last_line(error, path)
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        doing = f"running {path}" if isinstance(target, str) else f"{target.name} of {path}"
        rows = {} if step is None else {"where": f"{os.path.basename(step.filename)}:{step.lineno}", "line": step.line}
        raise ProgramError(describe(f"{doing} failed: {what}", **rows, code="user-code-failed")) from error


def _last_line(error: BaseException, path: str) -> traceback.FrameSummary | None:
    """The innermost line of the user's file, or of any file, on the way to the error."""
    steps = traceback.extract_tb(error.__traceback__)
    own = [step for step in steps if os.path.abspath(step.filename) == os.path.abspath(path)]
    return own[-1] if own else steps[-1] if steps else None
