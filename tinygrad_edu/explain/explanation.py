"""explain: ∂loss/∂something as the sum over all paths between the two, each a product of local derivatives."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.derivation import Derivation
from tinygrad_edu.errors import DataError, DtypeError, IndexingError, describe
from tinygrad_edu.explain import latex, text
from tinygrad_edu.explain.elements import Elements, Hop, element_name, slope
from tinygrad_edu.explain.order import Order
from tinygrad_edu.explain.paths import Cone, Path, Step, share
from tinygrad_edu.naming import one_line
from tinygrad_edu.node import here
from tinygrad_edu.subject import subject_of
from tinygrad_edu.symbols.rules import G, local_symbol
from tinygrad_edu.tensor import Tensor

SHOWN = 5


@dataclass(frozen=True, eq=False)
class Factor:
    """One local derivative on a path of single numbers, ∂source/∂target: as text, as LaTeX, and its number."""

    source: str
    target: str
    text: str
    latex: str
    value: float


@dataclass(frozen=True, eq=False)
class Line:
    """One step of a path through tensors: the line of code, what its rule makes of g, and the gradient it gives.

    constant   what it multiplies g by, where that is one number
    count      how many equal numbers the rule added up, or 1; `each` is the number
    """

    target: str
    code: str
    rule: str
    gradient: np.ndarray
    step: Step
    constant: str = ""
    count: int = 1
    each: float = 0.0


@dataclass(frozen=True, eq=False)
class Route:
    """A path: the names of its cards from `wrt` to the output, and what it adds to the gradient.

    factors   the local derivatives from `wrt` on, where single numbers are followed; else empty
    lines     the steps from the output back, where tensors are; else empty
    paths     how many paths of single numbers go this way
    choices   which operand is meant, where an op has the same one twice: "by operand 1 of t1"
    """

    names: tuple[str, ...]
    contribution: np.ndarray
    factors: tuple[Factor, ...] = ()
    lines: tuple[Line, ...] = ()
    paths: int = 1
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Explanation:
    """A gradient taken apart. Prints itself; `latex` is the same as a formula, which notebooks show.

    output, wrt   the names of what is differentiated, and by what (with an index, if one was asked for)
    gradient      the engine's gradient
    count         how many paths there are in all
    routes        those that add most, largest first: through tensors, or of single numbers
    share         how much of the gradient they make up, 1 for all; None where it is 0
    exact         whether these are certainly the largest
    ways          where one element is explained: the paths through the tensors that its numbers take
    total         where single numbers are followed: the sum of all products, computed without backward
    apart         True where `wrt` is no part of the graph at all
    """

    output: str
    wrt: str
    gradient: np.ndarray
    count: int
    routes: tuple[Route, ...]
    share: float | None
    exact: bool
    ways: tuple[Route, ...] = ()
    total: float | None = None
    derivation: Derivation | None = None
    apart: bool = False

    def __str__(self) -> str:
        return text.explanation(self)

    __repr__ = __str__

    @property
    def latex(self) -> str:
        """The gradient as a formula, without dollar signs."""
        return latex.explanation(self)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"

    def _repr_markdown_(self) -> str:
        return f"$$\n{self.latex}\n$$\n\n```text\n{self}\n```\n"


class _Explain:
    """explain(loss, wrt): the gradient as a sum over paths; explain.order(loss): why backward needs an order."""

    __name__ = "explain"

    def __repr__(self) -> str:
        return "<tg.explain(loss, wrt), tg.explain.order(loss)>"

    def __call__(
        self,
        loss: Tensor,
        wrt: Tensor | str,
        index: Any = None,
        names: Mapping[Any, Any] | None = None,
        paths: int = SHOWN,
    ) -> Explanation:
        """∂loss/∂wrt as the sum over all paths from `wrt` to `loss`, each a product of local derivatives.

        loss    a Tensor of one element, or a function without arguments that gives one
        wrt     a Tensor that the loss depends on, or its name in the graph
        index   of one element of `wrt`: the gradient is explained number by number
        names   {name: tensor}; what has no name there has that of the caller's variable, or t1, t2, …
        paths   how many to show; where there are more, those that add most, and how much of the whole they are

        No `.grad` is touched. Raises DataError for a name that isn't in the graph, IndexingError for an index that
        isn't in the tensor, and ShapeError for a loss of several elements.

        >>> import tinygrad_edu as tg
        >>> a, b = (tg.Tensor(v, requires_grad=True, name=n) for v, n in ((2.0, "a"), (-3.0, "b")))
        >>> print(tg.explain((a * b + a) ** 2, a))
        ∂result/∂a = 16: the sum over 2 paths, each the product of its local derivatives
        <BLANKLINE>
        1.  a → t1 → t2 → result
            ∂t1/∂a · ∂t2/∂t1 · ∂result/∂t2 = b · 1 · (2 · t2) = (−3) · 1 · (−8) = 24
        2.  a → t2 → result
            ∂t2/∂a · ∂result/∂t2 = 1 · (2 · t2) = 1 · (−8) = −8
        sum = 24 − 8 = 16
        <BLANKLINE>
        In words: if a grows by 0.001, result grows by about 0.016.
        """
        return explained(Derivation(*_named(loss, names)), wrt, index, paths)

    def order(self, loss: Tensor, names: Mapping[Any, Any] | None = None) -> Order:
        """Why backward needs an order: what a recursion gives that goes on before a gradient is complete.

        >>> import tinygrad_edu as tg
        >>> x = tg.Tensor(3.0, requires_grad=True, name="x")
        >>> y = x * x
        >>> order = tg.explain.order(y * y + y, names={"y": y})
        >>> order.right["x"].item(), order.naive["x"].item()
        (114.0, 6.0)
        """
        return Order.of(Derivation(*_named(loss, names)))


explain = _Explain()


def explained(derivation: Derivation, wrt: Tensor | str, index: Any = None, paths: int = SHOWN) -> Explanation:
    """The explanation of one gradient of a derivation; see `explain`."""
    if isinstance(paths, bool) or not isinstance(paths, int) or paths < 1:
        raise DataError(
            describe(f"paths must be a whole number from 1, not {paths!r}", where=here(), code="explain-paths")
        )
    card = _card_of(derivation, wrt)
    if card is None:
        name = one_line(wrt.name or "wrt") if isinstance(wrt, Tensor) else wrt
        return _unconnected(derivation, name, wrt)
    cone = Cone(derivation, card)
    place = _place(derivation, card, index) if index is not None else None
    if place is not None and derivation.value(card).shape != ():
        return _of_element(cone, place, paths)
    if all(derivation.value(c).size == 1 for c in cone.cards) and cone.steps:
        return _of_numbers(cone, paths)
    return _of_tensors(cone, paths)


# --- what is asked for ---------------------------------------------------------------------------------------


def _named(loss: Any, names: Mapping[Any, Any] | None) -> tuple[Any, Mapping[Any, Any] | None, Mapping[Any, Any]]:
    """The loss, the names that were given, and the variables of the program, which name what has no name."""
    tensor, program = subject_of(loss)
    return tensor, names, program


def _card_of(derivation: Derivation, wrt: Any) -> str | None:
    """The card of `wrt`; None where it is no part of the graph, or carries no gradient."""
    if isinstance(wrt, str):
        found = [card.id for card in derivation.graph.cards if card.name == wrt]
        if not found:
            known = ", ".join(card.name for card in derivation.graph.cards[:20])
            raise DataError(
                describe(f"no card is called {wrt!r}", where=here(), known=known, code="explain-unknown-name")
            )
        return found[0] if found[0] in derivation.gradients else None
    if not isinstance(wrt, Tensor):
        what = f"explain needs a Tensor or a name to differentiate by, not {type(wrt).__name__}"
        raise DtypeError(describe(what, where=here(), fix="tg.explain(loss, model.layer1.weight)", code="explain-wrt"))
    for card, node in zip(derivation.graph.cards, derivation.nodes):
        if node is wrt._node:
            return card.id if card.id in derivation.gradients else None
    return None


def _place(derivation: Derivation, card: str, index: Any) -> int:
    """The flat place of an element. Raises IndexingError where there is none, or several."""
    shape = derivation.value(card).shape
    given = index if isinstance(index, tuple) else (index,)
    try:
        whole = tuple(operator.index(i) for i in given)
        if len(whole) == len(shape):
            return int(np.arange(derivation.value(card).size).reshape(shape)[whole])
    except (TypeError, IndexError):
        pass
    name = derivation.graph.by_id[card].name
    raise IndexingError(
        describe(
            f"index={index!r} is no single element of {name} {shape}",
            where=here(),
            fix=f"one whole number for each axis, such as index={tuple(side - 1 for side in shape)}",
            code="explain-index",
        )
    )


def _unconnected(derivation: Derivation, name: str, wrt: Any) -> Explanation:
    gradient = np.zeros(wrt.shape if isinstance(wrt, Tensor) else ())
    apart = isinstance(wrt, Tensor) and all(node is not wrt._node for node in derivation.nodes)
    return Explanation(derivation.graph.result.name, name, gradient, 0, (), None, exact=True, apart=apart)


# --- three ways to take a gradient apart -----------------------------------------------------------------------


def _names(derivation: Derivation, wrt: str, steps: Sequence[Step]) -> tuple[str, ...]:
    by_id = derivation.graph.by_id
    return (by_id[wrt].name, *(by_id[step.source].name for step in reversed(steps)))


def _choices(derivation: Derivation, steps: Sequence[Step]) -> tuple[str, ...]:
    by_id = derivation.graph.by_id
    return tuple(
        f"by operand {step.position + 1} of {by_id[step.source].name}"
        for step in reversed(steps)
        if by_id[step.source].inputs.count(step.target) > 1
    )


def _of_tensors(cone: Cone, most: int) -> Explanation:
    derivation = cone.derivation
    found = cone.largest(most)
    gradient = derivation.gradients[cone.wrt]
    return Explanation(
        output=derivation.graph.result.name,
        wrt=derivation.graph.by_id[cone.wrt].name,
        gradient=gradient,
        count=cone.count,
        routes=tuple(_route_of_tensors(derivation, cone.wrt, path) for path in found),
        share=share(found, gradient),
        exact=cone.exact,
        derivation=derivation,
    )


def _route_of_tensors(derivation: Derivation, wrt: str, path: Path) -> Route:
    lines = []
    incoming = np.ones_like(derivation.value(derivation.graph.result.id))
    for step, gradient in zip(path.steps, path.gradients):
        lines.append(_line(derivation, step, incoming, gradient))
        incoming = gradient
    names, choices = _names(derivation, wrt, path.steps), _choices(derivation, path.steps)
    return Route(names, path.contribution, lines=tuple(lines), choices=choices)


def _line(derivation: Derivation, step: Step, incoming: np.ndarray, gradient: np.ndarray) -> Line:
    told = derivation.told(step.source, step.position)
    rule = derivation.rule(step.source, step.position)
    local = local_symbol(rule) if rule is not None else None
    count, each, constant = 1, 0.0, told.local if local is not None and local.constant else ""
    if rule is not None and rule.op == "sum":
        added = np.asarray(rule.operands[0].evaluate({**derivation.values(step.source), G: incoming}))
        if added.size > gradient.size and (added == added.flat[0]).all():
            count, each = added.size // gradient.size, added.flat[0].item()
        else:
            constant = ""
    return Line(
        target=derivation.graph.by_id[step.target].name,
        code=text.code(derivation, step.source),
        rule=told.text or told.words,
        gradient=gradient,
        step=step,
        constant=constant,
        count=count,
        each=each,
    )


def _of_numbers(cone: Cone, most: int) -> Explanation:
    """Every card between the two is a single number: the chain rule as it is taught."""
    derivation = cone.derivation
    found = cone.largest(most)
    gradient = derivation.gradients[cone.wrt]
    routes = []
    for path in found:
        factors = []
        for step in reversed(path.steps):
            value = derivation.pulled(step.source, step.position, np.ones_like(derivation.value(step.source))).item()
            factors.append(_factor(derivation, Hop(step, 0, 0, value)))
        names, choices = _names(derivation, cone.wrt, path.steps), _choices(derivation, path.steps)
        routes.append(Route(names, path.contribution, tuple(factors), choices=choices))
    return Explanation(
        output=derivation.graph.result.name,
        wrt=derivation.graph.by_id[cone.wrt].name,
        gradient=gradient,
        count=cone.count,
        routes=tuple(routes),
        share=share(found, gradient),
        exact=cone.exact,
        derivation=derivation,
    )


def _of_element(cone: Cone, place: int, most: int) -> Explanation:
    derivation = cone.derivation
    elements = Elements(cone, place)
    gradient = np.asarray(derivation.gradients[cone.wrt].ravel()[place])
    found = elements.largest(most)
    routes = []
    for path in found:
        names = (
            element_name(derivation, cone.wrt, place),
            *(element_name(derivation, hop.step.source, hop.place) for hop in path.hops),
        )
        routes.append(Route(names, np.asarray(path.product), tuple(_factor(derivation, hop) for hop in path.hops)))
    ways = [
        Route(
            _names(derivation, cone.wrt, path.steps),
            np.asarray(path.contribution.ravel()[place]),
            paths=elements.count_along(path.steps),
        )
        for path in cone.largest(most)
    ]
    together = sum(path.product for path in found)
    return Explanation(
        output=derivation.graph.result.name,
        wrt=element_name(derivation, cone.wrt, place),
        gradient=gradient,
        count=elements.count,
        routes=tuple(routes),
        share=together / gradient.item() if gradient.item() and np.isfinite(gradient) else None,
        exact=True,
        ways=tuple(ways),
        total=elements.total,
        derivation=derivation,
    )


def _factor(derivation: Derivation, hop: Hop) -> Factor:
    written, formula = slope(derivation, hop)
    return Factor(
        source=element_name(derivation, hop.step.source, hop.place),
        target=element_name(derivation, hop.step.target, hop.index),
        text=written,
        latex=formula,
        value=hop.slope,
    )
