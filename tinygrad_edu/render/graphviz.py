"""Graphviz at work: DOT in, SVG, PNG or PDF out, by the program `dot` or by the package pygraphviz.

Whether either is there is asked when a picture is made, not at import: people mend their PATH in a running notebook.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess

from tinygrad_edu.errors import TinygradError, describe

SECONDS = 30.0
PNG_RESOLUTION = "-Gdpi=144"


class GraphvizError(TinygradError, RuntimeError):
    """Graphviz is there but couldn't make the picture."""


def can_render() -> bool:
    """Whether the program `dot` or the package pygraphviz is there."""
    return shutil.which("dot") is not None or importlib.util.find_spec("pygraphviz") is not None


def render(source: str, form: str) -> bytes:
    """The picture of a DOT source as "svg", "png" or "pdf". Raises GraphvizError where Graphviz can't."""
    options = [PNG_RESOLUTION] if form == "png" else []
    program = shutil.which("dot")
    if program is None:
        return _with_pygraphviz(source, form, options)
    try:
        done = subprocess.run(
            [program, f"-T{form}", *options],
            input=source.encode(errors="replace"),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise GraphvizError(
            describe(
                f"dot needs more than {SECONDS:g} s for this picture",
                fix="depth=1 closes modules; the .dot file can be drawn outside: dot -Tsvg loss.dot -o loss.svg",
                code="graphviz-failed",
            )
        ) from None
    except OSError as error:
        raise GraphvizError(describe(f"can't run {program}", why=error, code="graphviz-failed")) from None
    if done.returncode or not done.stdout:
        why = done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"
        raise GraphvizError(
            describe(f"dot couldn't draw this picture as {form.upper()}", why=why, code="graphviz-failed")
        )
    return done.stdout


def _with_pygraphviz(source: str, form: str, options: list[str]) -> bytes:
    import pygraphviz

    try:
        drawn: bytes = pygraphviz.AGraph(string=source).draw(format=form, prog="dot", args=" ".join(options))
    except (OSError, ValueError) as error:
        raise GraphvizError(
            describe("pygraphviz couldn't draw this picture", why=error, code="graphviz-failed")
        ) from None
    return drawn
