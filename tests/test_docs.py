"""The README's code runs and prints what it says; every docstring's example does; the public names are as listed."""

import ast
import contextlib
import doctest
import importlib
import inspect
import io
import pkgutil
import re
from pathlib import Path

import pytest

import tinygrad_edu as tg

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf8")
MODULES = sorted(m.name for m in pkgutil.walk_packages(tg.__path__, "tinygrad_edu.") if not m.name.endswith("__main__"))


def test_the_readme_holds_the_two_commands_word_for_word():
    assert "python -m pip install . && tinygrad-edu train" in README
    assert 'python -m pip install ".[test]" && python -m pytest' in README


def test_the_readme_s_code_runs_and_prints_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    blocks = re.findall(r"```(python|text)\n(.*?)```", README, flags=re.DOTALL)
    printed, checked = "", 0
    for language, text in blocks:
        if language == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(text, "README.md", "exec"), names)
            printed = out.getvalue()
        else:
            assert printed == text
            checked += 1
    assert checked >= 6


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


def test_all_names_what_is_public_and_nothing_else():
    tree = ast.parse(Path(tg.__file__).read_text(encoding="utf8"))
    bound = set()
    for_types = next(node for node in tree.body if isinstance(node, ast.If))  # loaded when they are asked for
    for node in tree.body + for_types.body:
        if isinstance(node, ast.ImportFrom) and node.module.startswith("tinygrad_edu"):
            bound |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            bound |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    assert set(tg.__all__) == {name for name in bound if not name.startswith("_")}
    assert all(hasattr(tg, name) for name in tg.__all__)


def test_every_public_name_has_a_docstring():
    assert [name for name in tg.__all__ if not (getattr(tg, name).__doc__ or "").strip()] == []


@pytest.mark.parametrize(
    "module", [tg.functional, tg.linalg, tg.nn, tg.nn.init, tg.nn.utils, tg.optim, tg.random, tg.data]
)
def test_public_modules_tell_their_names_and_each_function_has_an_example(module):
    """Rows of the table of ops have a formula instead; records say what their fields are."""
    names = module.__all__
    assert [name for name in names if not (getattr(module, name).__doc__ or "").strip()] == []
    functions = [name for name in names if inspect.isfunction(getattr(module, name))]
    assert [name for name in functions if ">>>" not in getattr(module, name).__doc__] == []
