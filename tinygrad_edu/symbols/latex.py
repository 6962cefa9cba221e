"""Formulas as LaTeX, in the vocabulary that Jupyter's and GitHub's MathJax know."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tinygrad_edu.arguments import arguments_of, value_text
from tinygrad_edu.notation import ATOM, POWER, PREFIX, PRODUCT, SUM, Piece
from tinygrad_edu.op import Op
from tinygrad_edu.symbols.simplify import is_always
from tinygrad_edu.symbols.symbol import Symbol
from tinygrad_edu.symbols.text import constant_piece, reciprocal

_GREEK = {
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\varepsilon", "η": r"\eta",
    "θ": r"\theta", "λ": r"\lambda", "μ": r"\mu", "π": r"\pi", "ρ": r"\rho", "σ": r"\sigma", "τ": r"\tau",
    "φ": r"\varphi", "ω": r"\omega", "Δ": r"\Delta", "Σ": r"\Sigma", "Ω": r"\Omega",
}  # fmt: skip
_SPECIAL = str.maketrans({
    "\\": r"\backslash ", "{": r"\{", "}": r"\}", "_": r"\_", "^": r"\hat{}", "~": r"\sim ", "&": r"\&", "%": r"\%",
    "$": r"\$", "#": r"\#", "−": "-", "<": r"\lt ", ">": r"\gt ",
})  # fmt: skip
_SUBSCRIPT = re.compile(r"([A-Za-z]|[^\W\d_])_?(\d+)")


def latex_name(name: str) -> str:
    """A name as LaTeX: `a_{1}` for a1, upright where it is a word; no character of it has a meaning there.

    >>> print(latex_name("a1"), latex_name("layer1.weight"), latex_name("50%_{x}"))
    a_{1} \\mathrm{layer1.weight} \\mathrm{50\\%\\_\\{x\\}}
    """
    match = _SUBSCRIPT.fullmatch(name)
    stem, number = (match[1], f"_{{{match[2]}}}") if match else (name, "")
    if len(stem) == 1 and (stem in _GREEK or stem.isalpha()):
        return _GREEK.get(stem, stem) + number
    return rf"\mathrm{{{stem.translate(_SPECIAL)}}}{number}"


def latex_number(text: str) -> str:
    """A number as this project writes it, as LaTeX: 1.2e-07 with a power of ten.

    >>> print(latex_number("−1.2e−07"), latex_number("nan"))
    -1.2 \\cdot 10^{-7} \\mathrm{nan}
    """
    text = text.replace("−", "-")
    digits, _, exponent = text.partition("e")
    if exponent.lstrip("+-").isdigit():
        return rf"{digits} \cdot 10^{{{int(exponent)}}}"
    return text if text.strip("-")[:1].isdigit() else rf"\mathrm{{{text.translate(_SPECIAL)}}}"


def latex_of(symbol: Symbol, names: Mapping[str, str] | None = None) -> str:
    """The formula as LaTeX; `names` say in LaTeX what g, out, 0, 1, … are called.

    >>> import numpy as np
    >>> g, a = Symbol.given("g", np.ones(3)), Symbol.given("out", np.arange(3.0))
    >>> print(latex_of(g * (1 - np.square(a)), {"out": latex_name("a1")}))
    g \\odot \\left(1 - {a_{1}}^{2}\\right)
    """
    return _latex(symbol, names or {}).text


def _latex(symbol: Symbol, names: Mapping[str, str]) -> Piece:
    if symbol.name:
        return Piece(names.get(symbol.name) or latex_name(symbol.name))
    if symbol.function is None:
        return _constant(symbol)
    for number in (0, 1):
        if is_always(symbol, number):
            return Piece(str(number))
    parts = [_latex(operand, names) for operand in symbol.operands]
    written = _WRITTEN.get(symbol.op)
    if written is not None and (symbol.op not in ("transpose", "swapaxes") or _is_transpose(symbol)):
        return written(symbol, parts)
    op = symbol.function
    arguments = [part.text for part in parts]
    if isinstance(op, Op):
        shown = [(p.name, p.text, p.required) for p in arguments_of(op, symbol.params)]
    else:
        shown = [(name, value_text(value), False) for name, value in symbol.params.items()]
    arguments += [rf"\mathtt{{{(text if required else f'{name}={text}').translate(_SPECIAL)}}}"
                  for name, text, required in shown]  # fmt: skip
    return Piece(rf"\operatorname{{{symbol.op.translate(_SPECIAL)}}}{_bracketed(', '.join(arguments))}")


def _is_transpose(symbol: Symbol) -> bool:
    """Whether only rows and columns change places."""
    axes = [operand.value for operand in symbol.operands[1:]]
    return sorted(axes) == [-2, -1] if symbol.op == "swapaxes" else symbol.params.get("axes") is None


def _constant(symbol: Symbol) -> Piece:
    piece = constant_piece(symbol.value)
    if isinstance(symbol.value, int | float) and not isinstance(symbol.value, bool):
        return Piece(latex_number(piece.text), piece.binding)
    return Piece(rf"\mathtt{{{piece.text.translate(_SPECIAL)}}}")


def _bracketed(text: str) -> str:
    return rf"\left({text}\right)"


def _within(piece: Piece, binding: int) -> str:
    return _bracketed(piece.text) if piece.binding < binding else piece.text


def _infix(sign: str, binding: int, right: int = 0) -> Callable[[Symbol, list[Piece]], Piece]:
    def written(symbol: Symbol, parts: list[Piece]) -> Piece:
        x, y = parts
        second = _within(y, PREFIX + 1 if y.binding == PREFIX else binding + 1)
        return Piece(f"{_within(x, binding)} {sign} {second}", binding)

    return written


def _product(symbol: Symbol, parts: list[Piece]) -> Piece:
    x, y = symbol.operands
    if y.constant and (count := reciprocal(y.value)) is not None:
        return Piece(rf"\frac{{{parts[0].text}}}{{{count}}}", POWER)
    sign = r"\odot" if x.size > 1 and y.size > 1 else r"\cdot"
    return _infix(sign, PRODUCT)(symbol, parts)


def _call(name: str) -> Callable[[Symbol, list[Piece]], Piece]:
    return lambda symbol, parts: Piece(f"{name}{_bracketed(parts[0].text)}")


def _raised(exponent: str) -> Callable[[Symbol, list[Piece]], Piece]:
    return lambda symbol, parts: Piece(f"{{{_within(parts[0], ATOM)}}}^{{{exponent}}}", POWER)


def _cases(symbol: Symbol, parts: list[Piece]) -> Piece:
    condition, x, y = (part.text for part in parts)
    rows = rf"{x} & {condition} \\ {y} & \text{{else}}"
    return Piece(rf"\begin{{cases}}{rows}\end{{cases}}", SUM)


def _matmul(symbol: Symbol, parts: list[Piece]) -> Piece:
    return Piece(rf"{_within(parts[0], PRODUCT)} \, {_within(parts[1], PREFIX + 1)}", PRODUCT)


_WRITTEN: Mapping[str, Callable[[Symbol, list[Piece]], Piece]] = {
    "add": _infix("+", SUM),
    "subtract": _infix("-", SUM),
    "multiply": _product,
    "matmul": _matmul,
    "divide": lambda symbol, parts: Piece(rf"\frac{{{parts[0].text}}}{{{parts[1].text}}}", POWER),
    "negative": lambda symbol, parts: Piece(f"-{_within(parts[0], PRODUCT)}", PREFIX),
    "square": _raised("2"),
    "transpose": _raised(r"\top"),
    "swapaxes": _raised(r"\top"),
    "power": lambda symbol, parts: Piece(f"{{{_within(parts[0], ATOM)}}}^{{{parts[1].text}}}", POWER),
    "exp": lambda symbol, parts: Piece(f"e^{{{parts[0].text}}}", POWER),
    "sqrt": lambda symbol, parts: Piece(rf"\sqrt{{{parts[0].text}}}"),
    "absolute": lambda symbol, parts: Piece(rf"\left|{parts[0].text}\right|"),
    "where": _cases,
    "equal": _infix("=", SUM - 1),
    "not_equal": _infix(r"\neq", SUM - 1),
    "less": _infix(r"\lt", SUM - 1),
    "less_equal": _infix(r"\leq", SUM - 1),
    "greater": _infix(r"\gt", SUM - 1),
    "greater_equal": _infix(r"\geq", SUM - 1),
    **{name: _call(rf"\{name}") for name in ("log", "tanh", "sin", "cos", "tan", "sinh", "cosh", "arctan")},
    "sigmoid": _call(r"\sigma"),
}
