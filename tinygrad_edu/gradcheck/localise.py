"""Find the wrong rule in a graph: every recorded op is run again alone, its rule beside a numeric derivative.

Where every rule is right, the fault lies outside them, and `causes` says in what. Knows graphs; must not know
networks or drawings.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinygrad_edu.gradcheck.causes import Rerun, find_causes
from tinygrad_edu.gradcheck.diagnose import diagnose_call
from tinygrad_edu.gradcheck.diagnosis import Cause, Diagnosis
from tinygrad_edu.gradcheck.replay import Call, Jacobian, NotReplayable, along, analytic, jacobian, one_sided, scales
from tinygrad_edu.node import Node, node_site
from tinygrad_edu.op import ELEMENTWISE, signature
from tinygrad_edu.reverse import recorded_nodes
from tinygrad_edu.tensor import Tensor

RIGHT, KINK, UNCHECKED, UNDECIDED, IMPRECISE, WRONG = VERDICTS = (
    "right", "kink", "not checked", "undecided", "imprecise", "wrong",
)  # fmt: skip
RTOL = 1e-8  # of a rule in float64, beside a complex step; the numeric side's own error comes on top
ROUNDING = 1e-13  # absolute, of a rule such as 1 − out², where the difference cancels; out and x give the scale
NARROW = 1e-5  # a rule that is wrong by less than this part of its largest element is imprecise, not wrong
COMPLETE = 2**16  # entries of a Jacobian that is computed as a whole; larger ones are tried along random directions
DIRECTIONS = 4
KINKS = 256  # elements that are looked at from both sides


Named = dict[tuple[int, int, str], Diagnosis | None]  # by op, position and verdict


@dataclass(frozen=True)
class Finding:
    """What came of the rule of one argument of one recorded op.

    op, position, argument   the op's name, the argument's place and its name
    module, site             the path of the module and the line of the program that called the op
    units                    |analytic − numeric| in units of the tolerance, at the worst element
    index                    of that element; None where the rule was tried along random directions only
    reason                   in words, where the verdict needs some
    """

    op: str
    position: int
    argument: str
    module: str
    site: str
    shape: tuple[int, ...]
    verdict: str
    units: float = 0.0
    index: tuple[int, ...] | None = None
    analytic: float = 0.0
    numeric: float = 0.0
    reason: str = ""
    diagnosis: Diagnosis | None = None

    @property
    def place(self) -> str:
        """`softplus, argument x, in mlp.layer1 at train.py:31`."""
        where = (f" in {self.module}" if self.module else "") + (f" at {self.site}" if self.site else "")
        return f"{self.op}, argument {self.argument},{where}" if where else f"{self.op}, argument {self.argument}"

    def to_dict(self) -> dict[str, Any]:
        """The same as plain strings, numbers and lists."""
        return {
            **self.__dict__,
            "shape": list(self.shape),
            "index": None if self.index is None else list(self.index),
            "diagnosis": None if self.diagnosis is None else self.diagnosis.to_dict(),
        }


@dataclass(frozen=True)
class Localisation:
    """The findings, in the order of the backward pass; where all rules are right, causes outside them."""

    findings: tuple[Finding, ...]
    causes: tuple[Cause, ...] = ()
    searched: bool = False  # for causes, by running the program again

    def __bool__(self) -> bool:
        """Whether nothing is wrong."""
        return not self.culprits and not self.causes

    @property
    def culprits(self) -> tuple[Finding, ...]:
        """The wrong rules; where there are none, those that are imprecise."""
        for verdict in (WRONG, IMPRECISE):
            found = tuple(finding for finding in self.findings if finding.verdict == verdict)
            if found:
                return found
        return ()

    @property
    def explanation(self) -> str:
        """What is wrong, where and probably why, in words."""
        return _explained(self)

    def __str__(self) -> str:
        return self.explanation

    def to_dict(self) -> dict[str, Any]:
        """The same as plain strings, numbers, lists and dicts."""
        return {
            "findings": [finding.to_dict() for finding in self.findings],
            "causes": [cause.to_dict() for cause in self.causes],
            "explanation": self.explanation,
        }


def localise(
    output: Tensor | Sequence[Tensor],
    cotangent: Any,
    rng: np.random.Generator,
    *,
    inputs: Sequence[Tensor] = (),
    rerun: Rerun | None = None,
    analytic: Sequence[Any] | None = None,
    seconds: float = 20.0,
) -> Localisation:
    """Find what makes the gradient of `output` wrong: a rule, or where all are right something outside them.

    The rule of every op in the graph is tried alone, at the recorded inputs, with random cotangents.

    output      a Tensor, or several
    cotangent   of the output, an array of its shape, or one for each
    inputs      the leaves that `output` was computed from, and whose gradient is wrong
    rerun       `rerun(tensors)` computes the output anew from other leaves; without it, constants that should depend
                on the inputs, branches and random numbers can't be found
    analytic    the gradients of the inputs, if they don't come from this graph by the engine's own backward
    seconds     the time that the rules may take; what was left out then is "not checked"
    """
    outputs = [output] if isinstance(output, Tensor) else list(output)
    cotangents = [cotangent] if isinstance(output, Tensor) else list(cotangent)
    nodes = recorded_nodes([y._node for y in outputs if y._node is not None and y._node.requires_grad])[0]
    start = time.process_time()
    order = sorted(range(len(nodes)), key=lambda i: (not nodes[i].op.custom, i))  # type: ignore[union-attr]
    found: dict[int, list[Finding]] = {}
    named: Named = {}
    for i in order:
        late = time.process_time() - start > seconds
        found[i] = list(_findings(nodes[i], rng, named, "no time was left" if late else ""))
    result = Localisation(tuple(finding for i in range(len(nodes)) for finding in found[i]))
    if any(finding.verdict == WRONG for finding in result.findings):
        return result
    arrays = [np.asarray(array) for array in cotangents]
    causes = find_causes(outputs, arrays, inputs, rerun, analytic, rng)
    return replace(result, causes=causes, searched=rerun is not None)


def _findings(node: Node, rng: np.random.Generator, named: Named, skip: str) -> list[Finding]:
    assert node.op is not None
    op = node.op
    names = list(signature(op).parameters)
    wanted = [i for i, parent in enumerate(node.inputs) if parent.requires_grad]
    blank = [
        Finding(
            op.name, i, f"{names[0]}[{i}]" if op.variadic else names[i],
            node.scope.path if node.scope is not None else "", node_site(node), np.shape(node.inputs[i].out), UNCHECKED,
        )
        for i in wanted
    ]  # fmt: skip
    if skip:
        return [replace(finding, reason=skip) for finding in blank]
    try:
        call = Call.of(op, [parent.out for parent in node.inputs], node.params)
    except NotReplayable as reason:
        return [replace(finding, reason=str(reason)) for finding in blank]
    if call.out.shape != node.out.shape:
        return [replace(finding, reason="its forward gives another shape now") for finding in blank]
    return [_examined(call, finding, rng, named) for finding in blank]


# --- one rule ------------------------------------------------------------------------------------------------


def _examined(call: Call, finding: Finding, rng: np.random.Generator, named: Named) -> Finding:
    """The finding with its verdict, numbers and diagnosis; a rule that was diagnosed before isn't diagnosed again."""
    position, g = finding.position, call.random_g(rng)
    if not call.out.size or not call.argument(position).size:
        return replace(finding, verdict=RIGHT)
    try:
        given = call.cotangent(position, g)
    except Exception as error:  # whatever somebody's rule raises
        reason = f"its rule raises {type(error).__name__}: {error}"
        diagnosis = diagnose_call(call, position, g, rng)
        return replace(finding, verdict=WRONG, units=np.inf, reason=reason, diagnosis=diagnosis)
    suspect: list[int] = []
    if given.shape == finding.shape and call.op.kind is not ELEMENTWISE and call.out.size * given.size > COMPLETE:
        suspect = _wrong_along(call, position, g, given, rng)
        if not suspect:
            return replace(finding, verdict=RIGHT)
    found = jacobian(call, position, rng, seconds=0.5, first=suspect)
    finding = _judged(call, finding, g, given, found, rng)
    if suspect and finding.verdict == RIGHT and not found.complete:
        return replace(finding, verdict=UNDECIDED, reason="too large for each element, too rough along directions")
    if finding.verdict not in (WRONG, IMPRECISE):
        return finding
    rule = (id(call.op), position, finding.verdict)
    if rule not in named:
        named[rule] = diagnose_call(call, position, g, rng, found)
    return replace(finding, diagnosis=named[rule])


def _wrong_along(call: Call, position: int, g: np.ndarray, given: np.ndarray, rng: np.random.Generator) -> list[int]:
    """Where ⟨g, J u⟩ = ⟨rule(g), u⟩ fails for a random direction u: an element to blame, flat, found by halving.

    Empty where it holds.
    """
    x = call.argument(position)
    exact = analytic(call, position, rng)
    for _ in range(DIRECTIONS):
        u = scales(x) * rng.choice([-1.0, 1.0], x.shape) * rng.uniform(0.5, 1.5, x.shape)
        if _excess(call, position, g, given, u, exact) > 1:
            places = np.arange(x.size)
            while len(places) > 1:
                halves = np.array_split(places, 2)
                worse = [_excess(call, position, g, given, _only(u, half), exact) for half in halves]
                places = halves[int(worse[1] > worse[0])]
            return [int(places[0])]
    return []


def _only(u: np.ndarray, places: np.ndarray) -> np.ndarray:
    """`u` with zeros everywhere else."""
    part = np.zeros(u.size)
    part[places] = u.ravel()[places]
    return part.reshape(u.shape)


def _excess(call: Call, position: int, g: np.ndarray, given: np.ndarray, u: np.ndarray, exact: bool) -> float:
    """How far the two sides are apart along `u`, in units of what is allowed."""
    slope, error = along(call, position, u, exact)
    away = abs(float(np.sum(g * slope)) - float(np.sum(given * u)))
    uncertain = float(np.sum(np.abs(g) * error))
    allowed = RTOL * float(np.sum(np.abs(given * u)) + np.sum(np.abs(g * slope))) + uncertain
    if uncertain > 1e-4 * float(np.sqrt(np.sum((given * u) ** 2))):
        return np.inf  # too rough to trust: look at the elements
    return away / (allowed + 1e-300) if np.isfinite(away) else np.inf


def _judged(
    call: Call, finding: Finding, g: np.ndarray, given: np.ndarray, found: Jacobian, rng: np.random.Generator
) -> Finding:
    """The verdict on the rule's result `given` for the cotangent `g`."""
    numeric, error = found.pull(g)
    if given.shape != numeric.shape:
        reason = f"its rule gives shape {given.shape} for an argument of shape {numeric.shape}"
        return replace(finding, verdict=WRONG, units=np.inf, reason=reason)
    known = np.isfinite(numeric) & np.isfinite(error)
    scale = max(_largest(numeric), _largest(given))
    floor = ROUNDING * _largest(g) * max(1.0, _largest(call.out) / max(_largest(call.argument(finding.position)), 1e-3))
    with np.errstate(all="ignore"):
        away = np.abs(given - numeric)
        units = away / (RTOL * (np.maximum(np.abs(given), np.abs(numeric)) + 0.1 * scale) + 2 * error + floor)
    units = np.where(known, np.where(np.isnan(units), np.inf, units), 0.0)
    units = np.where(known & ~np.isfinite(given), np.inf, units)
    wrong = units > 1
    unsure = wrong & (error > 1e-3 * scale) & (units < 10)
    worst = tuple(int(i) for i in np.unravel_index(int(np.argmax(units)), units.shape))
    numbers: dict[str, Any] = {
        "units": float(units[worst]), "index": worst,
        "analytic": float(given[worst]), "numeric": float(numeric[worst]),
    }  # fmt: skip
    if not wrong.any():
        if not known.all() and found.complete:
            return replace(finding, verdict=UNDECIDED, reason="the numeric derivative isn't finite everywhere")
        return replace(finding, verdict=RIGHT, **numbers)
    certain = wrong & ~unsure
    if not certain.any():
        return replace(finding, verdict=UNDECIDED, reason="the numeric derivative isn't accurate enough", **numbers)
    if not all(np.isfinite(a).all() for a in (call.out, *call.arrays) if np.asarray(a).dtype.kind == "f"):
        return replace(finding, verdict=UNDECIDED, reason="there are nan or inf among its numbers", **numbers)
    kinks = _kinks(call, finding.position, g, given, certain)
    if kinks == "at" or (kinks == "near" and _right_nearby(call, finding.position, g, rng)):
        return replace(finding, verdict=KINK, reason="the slopes on both sides differ", **numbers)
    narrow = bool(np.all(away[certain] <= NARROW * scale))
    return replace(finding, verdict=IMPRECISE if narrow else WRONG, **numbers)


def _largest(values: np.ndarray) -> float:
    return float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values)))


def _kinks(call: Call, position: int, g: np.ndarray, given: np.ndarray, wrong: np.ndarray) -> str:
    """ "at": each wrong element is on a kink and between the slopes of both sides; "near": kinks are about; or ""."""
    places = np.argwhere(wrong)
    if len(places) > KINKS:
        places = places[:: len(places) // KINKS + 1]
    found = "at"
    for place in places:
        index = tuple(int(i) for i in place)
        slopes = [one_sided(call, position, index, g, width) for width in (1e-7, 2e-7, 1e-5)]
        jumps = [abs(right - left) for left, right in slopes]
        sizes = [max(abs(left), abs(right)) for left, right in slopes]
        left, right = slopes[0]
        slack = 1e-5 * sizes[0]
        if not any(jump > 1e-3 * size for jump, size in zip(jumps, sizes)):
            return ""
        # In a smooth function the difference of the slopes would halve with the step.
        between = min(left, right) - slack <= given[index] <= max(left, right) + slack
        if not (jumps[0] > 0.75 * jumps[1] and jumps[0] > 1e-4 * sizes[0] and between):
            found = "near"
    return found


def _right_nearby(call: Call, position: int, g: np.ndarray, rng: np.random.Generator, points: int = 5) -> bool:
    """Whether the rule is right at most points beside this one: where three elements tie, many slopes are valid."""
    x = call.argument(position)
    right = 0
    for _ in range(points):
        try:
            beside = call.at(position, x + 1e-3 * scales(x) * rng.uniform(-1, 1, x.shape))
            numeric, error = jacobian(beside, position, rng).pull(g)
            given = beside.cotangent(position, g)
        except Exception:  # outside the domain, or a rule that raises
            return False
        right += bool(np.all(np.abs(given - numeric) <= 1e-6 * _largest(numeric) + 10 * error))
    return 2 * right > points


# --- words ---------------------------------------------------------------------------------------------------


def _explained(found: Localisation) -> str:
    """What is wrong, where and probably why; or that every rule is right."""
    lines: list[str] = []
    groups: dict[tuple[str, int, str], list[Finding]] = {}
    for culprit in found.culprits:
        groups.setdefault((culprit.op, culprit.position, culprit.reason), []).append(culprit)
    for finding, *others in groups.values():  # the first is shown in full
        lines.append(f"the rule of {finding.place} is {'wrong' if finding.verdict == WRONG else 'not accurate'}")
        if finding.reason:
            lines.append(f"  {finding.reason}")
        elif finding.index is not None:
            index = f"[{', '.join(map(str, finding.index))}]" if finding.index else ""
            lines.append(
                f"  worst at {finding.argument}{index}: the rule gives {finding.analytic:.6g}, "
                f"the forward says {finding.numeric:.6g} ({finding.units:.2g} tolerances)"
            )
        if finding.diagnosis is not None:
            lines += [f"  {line}" for line in str(finding.diagnosis).splitlines()]
        if others:
            places = dict.fromkeys(" ".join(filter(None, [o.module, o.site and f"at {o.site}"])) for o in others)
            shown = ", ".join(list(places)[:3]) + (", …" if len(places) > 3 else "")
            lines.append(f"  so it is in {len(others)} more call{'s' if len(others) > 1 else ''} ({shown})")
    for cause in found.causes:
        lines += str(cause).splitlines()
    counts = {verdict: sum(f.verdict == verdict for f in found.findings) for verdict in VERDICTS}
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    lines.append(f"of {len(found.findings)} rules tried alone: {verdicts or 'none'}")
    if not found.culprits:
        lines[:0] = [
            "every rule that was tried is right" + (", so the fault lies outside them" if found.causes else "")
        ]
        if not found.causes:
            lines.append(
                "hooks, and values written after use: none"
                + ("; constants and branches: none" if found.searched else "")
            )
    return "\n".join(lines)
