"""The error catalogue: for every code of a mistake a small program that makes it, and one that does it right.

`tinygrad_edu/docs/errors.md` is made of this: `python -m tests.catalogue` writes it, a test compares it.
An error with a new code needs one more block in one of the sections (`gradients.py`, `shapes.py` …):

    mistake(
        "name-of-the-mistake",
        "What is wrong and why, in one or two sentences.",
        wrong='''
            a program that raises an error with that code, or `$ tinygrad-edu …`
        ''',
        right='''
            the same program without the mistake
        ''',
    )

Programs run in an empty folder, as `program.py`, with `np` and `tg` imported and warnings as errors. `before` runs
first and is not shown: it makes the circumstances, such as a missing program.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import os
import re
import shlex
import tempfile
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu.op import REGISTRY

SECTIONS = (
    "gradients", "writing", "shapes", "values", "arguments", "functions", "networks", "training", "checking",
    "explaining", "pictures", "files", "commands",
)  # fmt: skip


@dataclass(frozen=True)
class Mistake:
    """A code, what it means, a program that makes the mistake, one that doesn't, and what must be so before."""

    code: str
    meaning: str
    wrong: str
    right: str
    before: str


@dataclass
class Section:
    title: str
    mistakes: list[Mistake]


CATALOGUE: list[Section] = []


def section(title: str) -> None:
    """Begin a section of the catalogue; called once at the top of its file."""
    CATALOGUE.append(Section(title, []))


def mistake(code: str, meaning: str, wrong: str, right: str = "", before: str = "") -> None:
    """Add a mistake to the section that began last."""
    wrong, right, before = (textwrap.dedent(program).strip() + "\n" for program in (wrong, right, before))
    CATALOGUE[-1].mistakes.append(Mistake(code, " ".join(meaning.split()), wrong, right, before))


for _name in SECTIONS:
    importlib.import_module(f"tests.catalogue.{_name}")

MISTAKES = {entry.code: entry for part in CATALOGUE for entry in part.mistakes}


# --- running programs ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _empty_folder() -> Iterator[str]:
    """An empty folder as the current one; afterwards the environment and the registry of ops are as before."""
    here, environment, ops, dtype = os.getcwd(), dict(os.environ), dict(REGISTRY), tg.get_default_dtype()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as undo:
        undo.callback(os.chdir, here)
        os.chdir(folder)
        try:
            yield os.path.realpath(folder)
        finally:
            os.environ.clear()
            os.environ.update(environment)
            REGISTRY.clear()
            REGISTRY.update(ops)
            tg.set_default_dtype(dtype)


@functools.cache
def message(program: str, before: str = "") -> tuple[str, str]:
    """The code and the text of the error that a program raises, both empty for one that raises none."""
    with _empty_folder() as folder, contextlib.ExitStack() as undo:
        names: dict[str, Any] = {"np": np, "tg": tg, "undo": undo, "__name__": "__main__"}
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("error")
            exec(compile(before, "before.py", "exec"), names)
            text = _command(program) if program.startswith("$ ") else _program(program, names)
        text = text.replace(folder + os.sep, "").replace(folder, "…").replace(str(Path(tg.__file__).parent), "…")
    found = re.search(r"^ +code: +(\S+)$", text, flags=re.MULTILINE)
    return (found[1] if found else ""), text


def _program(program: str, names: dict[str, Any]) -> str:
    try:
        exec(compile(program, "program.py", "exec"), names)
    except (tg.errors.TinygradError, Warning) as error:
        code = getattr(error, "code", "")
        row = f"\n  code: {code}" if code and "code:" not in str(error) else ""
        return f"{type(error).__name__}: {error}{row}"
    return ""


def _command(program: str) -> str:
    from tinygrad_edu.cli import main

    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        status = main(shlex.split(program)[2:])
    return said.getvalue().strip() if status else ""


# --- the page ------------------------------------------------------------------------------------------------

HEAD = """\
# Errors

What went wrong, where, with which values, why, and what to do: every error of `tinygrad_edu` says it, and its last row
is a *code*, the name of the mistake. This catalogue has an entry for each code, with the smallest program that makes
the mistake, what it prints, and a program that does it right. It is generated: every program here was run, and every
message is what it printed. All programs begin with

```python
import numpy as np
import tinygrad_edu as tg
```

All errors are children of `tg.errors.TinygradError`, and each is also what a NumPy user expects: a `ValueError`, a
`TypeError`, an `IndexError`, a `RuntimeError`, an `OSError`. `error.code` is the code.
"""


def page() -> str:
    """The catalogue as Markdown."""
    lines = [HEAD]
    for part in CATALOGUE:
        lines.append(f"- **{part.title}**")
        lines += [f"  - [{entry.code}](#{entry.code})" for entry in part.mistakes]
    for part in CATALOGUE:
        lines.append(f"\n## {part.title}")
        lines += [_entry(entry) for entry in part.mistakes]
    return "\n".join(lines) + "\n"


def _entry(entry: Mistake) -> str:
    language = "console" if entry.wrong.startswith("$ ") else "python"
    blocks = [f"### {entry.code}", entry.meaning, f"```{language}\n{entry.wrong}```"]
    blocks.append(f"```text\n{message(entry.wrong, entry.before)[1]}\n```")
    if entry.right.strip():
        blocks += ["Right:", f"```{language}\n{entry.right}```"]
    return "\n" + "\n\n".join(blocks)
