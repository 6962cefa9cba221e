"""The page of ops, `tinygrad_edu/docs/ops.md`, made of the registry: what each row computes and what its rules give."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import compositions, creation, functional, interop, linalg, ops
from tinygrad_edu.op import ELEMENTWISE, PRODUCT, REGISTRY, Op, signature
from tinygrad_edu.ops.sampling import sample
from tinygrad_edu.symbols.rules import rule_symbol
from tinygrad_edu.symbols.simplify import without_guards
from tinygrad_edu.symbols.symbol import NoFormulaError
from tinygrad_edu.symbols.text import text_of

COLUMNS = ["op", "computes", "adds to the gradients", "derivative where", "NumPy", "what it is"]
FUNCTIONS = ["function", "gives"]
CONSTANTS = {"1.13": "(2/√π)", "0.693": "ln 2", "2.30": "ln 10", "0.0175": "(π/180)", "57.3": "(180/π)"}

HEAD = """\
# Ops

Everything the engine differentiates is built of the {rows} rows below. A row is one op: what it computes, one rule for
each of its arguments, and where it has a derivative. All other functions of NumPy, and the whole of `tg.functional`,
are compositions of rows and have no derivative of their own; they are listed at the end. This page is generated from
the table that the engine itself reads.

How to read a rule: backward knows the gradient of the op's output, `g`, and adds to the gradient of each input what the
rule says. `x̄ += g ⊙ y` means: to the gradient of x add g times y, element by element; `out` is the op's own output, and
`@` a product of matrices. Where broadcasting stretched an input, the engine sums what the rule gave back to its shape.
Rules are plain NumPy, and where no shorter formula is shown, the code of the rule is.

At kinks the subgradient of smallest norm is taken: abs′(0) = 0, relu′(0) = 0, and equal elements of a maximum share.
"""


# --- rows ----------------------------------------------------------------------------------------------------


def families() -> Iterator[tuple[Any, list[Op]]]:
    """The modules of rows, with their rows in the order of the text."""
    for module in _modules(ops):
        rows = [value for value in vars(module).values() if isinstance(value, Op)]
        own = [op for op in rows if op.name in REGISTRY and op.name in _names_in(module)]
        seen: dict[str, Op] = {op.name: op for op in own}
        if seen:
            yield module, list(seen.values())


def _modules(package: Any) -> list[Any]:
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names]


@cache
def _names_in(module: Any) -> frozenset[str]:
    """The string constants of a module: an op that it imports from another family isn't named in it as a row."""
    constants = [
        node.value for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Constant)
    ]
    return frozenset(value for value in constants if isinstance(value, str))


@cache
def _written_rules(module: Any) -> dict[str, list[ast.expr]]:
    """The expressions of the rules in the text of a module, by the op's name."""
    found: dict[str, list[ast.expr]] = {}
    for call in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Op" and call.args:
            name, rules = call.args[0], next((k.value for k in call.keywords if k.arg == "vjps"), None)
            if isinstance(name, ast.Constant) and isinstance(rules, ast.Tuple):
                found[name.value] = rules.elts
    return found


def _argument_names(op: Op) -> list[str]:
    names = list(signature(op).parameters)
    return ["xᵢ"] if op.variadic else names[: op.arity]


def _rules(op: Op, module: Any) -> str:
    """What the rules of a row add to the gradients of its arguments, one line each."""
    if not op.differentiable:
        return "none"
    formulas = _formulas(op)
    lines = []
    for place, name in enumerate(_argument_names(op)):
        if op.vjps[place] is None:
            continue
        formula = formulas.get(place) or _code(op, module, place)
        if formula:
            lines.append("0" if formula == "0" else f"{name}̄ += {formula}")
        else:
            lines.append(f"{name}̄: {_said(op.vjps[place])}")
    return "<br>".join(dict.fromkeys(lines))


def _formulas(op: Op) -> dict[int, str]:
    """The rules as formulas, where they are the same for all shapes: of elementwise ops and of products."""
    if op.variadic or op.kind not in (ELEMENTWISE, PRODUCT):
        return {}
    rng = np.random.default_rng(0)
    if op.sampler is None:
        arrays, params = tuple(domain.draw(rng, (3,)) for domain in op.domain), {}
    elif op.name == "matmul":
        arrays, params = (rng.normal(size=(2, 3)), rng.normal(size=(3, 4))), {}
    elif op.kind is ELEMENTWISE and op.arity > 1 and not sample(op, rng)[1]:
        arrays, params = tuple(np.asarray(a).ravel()[:1] for a in sample(op, np.random.default_rng(1))[0]), {}
    else:
        return {}
    with np.errstate(all="ignore"):
        out = np.asarray(op.forward(*arrays, **params))
    names = {"g": "g", "out": "out", **{str(place): name for place, name in enumerate(_argument_names(op))}}
    found = {}
    for place, array in enumerate(arrays):
        if op.vjps[place] is not None and array.dtype.kind == "f":
            try:
                rule = rule_symbol(op, place, np.ones_like(out), out, list(arrays), params)
            except NoFormulaError:
                continue
            if rule is not None:
                found[place] = _constants_by_name(text_of(without_guards(rule), names))
    return found


def _constants_by_name(text: str) -> str:
    for number, name in CONSTANTS.items():
        text = text.replace(number, name)
    return text


def _code(op: Op, module: Any, place: int) -> str:
    """The rule's own code, if it is one expression; else nothing."""
    written = _written_rules(module).get(op.name)
    rule: Any = op.vjps[place]
    if written is not None and isinstance(written[place], ast.Lambda):
        return _as_code(written[place].body)
    body = inspect.getsource(rule).strip() if rule.__name__ != "<lambda>" else ""
    tree = ast.parse(body).body[0] if body.startswith("def ") else None
    if isinstance(tree, ast.FunctionDef) and len(tree.body) == 1 and isinstance(tree.body[0], ast.Return):
        return _as_code(tree.body[0].value)
    return ""


def _as_code(expression: Any) -> str:
    return f"`{ast.unparse(expression).replace('.run(', '(')}`"


def _said(rule: Any) -> str:
    """What the author of a longer rule says about it."""
    return _first_line(rule) if rule.__doc__ else "a rule of several steps"


def _numpy_names(op: Op) -> str:
    names = sorted({_numpy_name(f) for f, row in interop.OPS.items() if row is op})
    return ", ".join(f"`{name}`" for name in names) or "–"


def _numpy_name(function: Any) -> str:
    module = (getattr(function, "__module__", None) or "numpy").replace("numpy", "np", 1)
    return f"{module}.{function.__name__}"


def _domain(op: Op) -> str:
    words = list(dict.fromkeys(domain.words for domain in op.domain))
    if len(words) == 1:
        return words[0]
    return "<br>".join(f"{name}: {domain.words}" for name, domain in zip(_argument_names(op), op.domain, strict=False))


def _row(op: Op, module: Any) -> list[str]:
    return [f"`{op.name}`", op.formula, _rules(op, module), _domain(op), _numpy_names(op), _first_line(op)]


def _title(module: Any) -> str:
    return module.__name__.rpartition(".")[2].replace("_", " ").capitalize()


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


# --- the page ------------------------------------------------------------------------------------------------


def _first_line(documented: Any) -> str:
    return " ".join(((inspect.getdoc(documented) or "").split("\n\n")[0]).split())


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(map(_cell, line))} |" for line in lines]


def _composed() -> Iterator[tuple[Any, list[list[str]]]]:
    """The modules of compositions, each with a line for every function: its names, and what it gives."""
    for module in [creation, *_modules(compositions)]:
        names: dict[Any, set[str]] = {}
        for function, implementation in interop.COMPOSITIONS.items():
            if getattr(implementation, "__module__", "") == module.__name__:
                names.setdefault(implementation, set()).add(_numpy_name(function))
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if callable(value) and not isinstance(value, Op) and value not in names and hasattr(tg, name):
                names[value] = {f"tg.{name}"}
        if names:
            lines = [[", ".join(f"`{n}`" for n in sorted(given)), _first_line(value)] for value, given in names.items()]
            yield module, lines


def page() -> str:
    """The page of ops as Markdown."""
    lines = [HEAD.format(rows=len([op for op in REGISTRY.values() if not op.custom]))]
    for module, rows in families():
        lines += [
            f"## {_title(module)}",
            "",
            _first_line(module),
            "",
            *_table(COLUMNS, [_row(op, module) for op in rows]),
            "",
        ]
    lines += ["# Compositions", "", "NumPy's functions, and a few of SciPy's, that are made of the rows above.", ""]
    for module, functions in _composed():
        lines += [f"## {_title(module)} (compositions)", "", _first_line(module), "", *_table(FUNCTIONS, functions), ""]
    for title, module in (("tg.functional", functional), ("tg.linalg", linalg)):
        public = [(name, getattr(module, name)) for name in sorted(module.__all__)]
        documented = [[f"`{title}.{name}`", _first_line(value)] for name, value in public if callable(value)]
        lines += [f"## {title}", "", _first_line(module), "", *_table(FUNCTIONS, documented), ""]
    return "\n".join(lines).rstrip() + "\n"
