"""Layers: a module imports only from lines above its own; imports for type checkers don't count."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tinygrad_edu"
LAYERS = [
    ["errors", "augmented", "heap"], ["files"], ["op"], ["ops"], ["node"], ["interop"], ["memory"],
    ["misfits"], ["handle", "refusal"], ["methods", "parameters"], ["tensor"],
    ["creation", "random", "switches", "watch"], ["compositions"], ["linalg"],
    ["saved"], ["reverse"], ["autodiff"], ["forward"], ["transforms"], ["custom", "batching"],
    ["snapshot"], ["arguments", "numbers"], ["notation"], ["symbols"], ["cards", "naming"], ["graph"],
    ["subject", "derivation", "network"], ["gradcheck"],
    ["functional"], ["nn"], ["laboratory"], ["optim"], ["data"], ["render"],
    ["explain", "equations", "explorer"], ["train"],
    ["testing"],
    ["commands"], ["cli"], ["__main__"],
]  # fmt: skip
ONLY = {"data": {"errors", "files"}, "ops": {"op", "errors"}}
NEVER = {
    "render": {"tensor", "autodiff", "nn"},
    "optim": {"nn", "autodiff"},
    "gradcheck": {"nn", "render"},
    "graph": {"nn", "render"},
}
FILES = sorted(file for file in PACKAGE.rglob("*.py") if file != PACKAGE / "__init__.py")


def layer_of(file):
    """The module's name, or that of the folder it lies in."""
    first = file.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported(tree):
    """The layers that a module imports, wherever in its code."""
    skipped = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("tinygrad_edu."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "tinygrad_edu":
            parts = node.module.split(".")
            yield from parts[1:2] or (alias.name for alias in node.names if not alias.name.startswith("__"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_module_imports_only_from_the_layers_above_it(file):
    own = layer_of(file)
    heights = {name: height for height, names in enumerate(LAYERS) for name in names}
    assert own in heights, f"{own} has no place among the LAYERS of this test: give it one"
    found = set(imported(ast.parse(file.read_text(encoding="utf-8")))) - {own}
    assert {name for name in found if heights[name] >= heights[own]} == set()
    assert not found & NEVER.get(own, set())
    assert found <= ONLY.get(own, found)


def test_the_readme_says_what_lives_in_every_layer():
    readme = (PACKAGE.parent / "README.md").read_text(encoding="utf8")
    table = readme.partition("## How it is made")[2].partition("\n## ")[0]
    said = {name for row in re.findall(r"^\|(.*?)\|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert said == {name for names in LAYERS for name in names} - {"__main__"}


def test_every_layer_exists():
    assert {name for names in LAYERS for name in names} <= {layer_of(file) for file in FILES}


def test_import_needs_none_of_the_larger_packages():
    unwanted = "{'graphviz', 'tqdm', 'scipy', 'matplotlib', 'hypothesis'}"
    code = f"import sys, tinygrad_edu; print(sorted({unwanted} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert run.stdout.strip() == "[]"


def test_import_leaves_what_reads_graphs_for_later_and_a_package_of_the_same_name_hides_no_function():
    code = (
        "import sys, tinygrad_edu as tg\n"
        "print([n for n in ('gradcheck', 'explain', 'render', 'graph') if f'tinygrad_edu.{n}' in sys.modules])\n"
        "import tinygrad_edu.gradcheck, tinygrad_edu.explain\n"
        "print(bool(tg.gradcheck(tg.sin, 1.0)), callable(tg.explain), set(tg.__all__) <= set(dir(tg)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert run.stdout.split("\n")[:2] == ["[]", "True True True"]
