"""Why a gradient is wrong although every rule is right: hooks, late writes, constants, branches, random numbers.

The graph is swept backward once more, with an eye on hooks and on what arrives where; then the program is run
again at the same point and beside it, and what should be the same, or should have moved, is compared. A constant is
blamed for the part of the difference that it explains, measured. Must not know networks or drawings.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.gradcheck.diagnose import diagnose
from tinygrad_edu.gradcheck.diagnosis import Cause
from tinygrad_edu.gradcheck.rerun import WIDTH, Beside, Change, run_beside
from tinygrad_edu.gradcheck.sweep import Sweep, sweep_over
from tinygrad_edu.node import Leaf, Node, node_site
from tinygrad_edu.tensor import Tensor

Rerun = Callable[[list[Tensor]], Any]


def find_causes(
    outputs: Sequence[Tensor],
    cotangents: Sequence[np.ndarray],
    inputs: Sequence[Tensor],
    rerun: Rerun | None,
    analytic: Sequence[Any] | None,
    rng: np.random.Generator,
) -> tuple[Cause, ...]:
    """What can be blamed, the surest first; see `localise` for the arguments."""
    swept = sweep_over(outputs, cotangents)
    found = [*_hooks(swept), *_written(swept)]
    if analytic is not None:
        found += _accumulated(swept, inputs, analytic)
    if not found and rerun is not None and inputs:
        found += _beside(run_beside(rerun, inputs, cotangents, rng))
    return tuple(sorted(found, key=lambda cause: -cause.confidence))


# --- hooks ---------------------------------------------------------------------------------------------------


def _hooks(swept: Sweep) -> Iterator[Cause]:
    for node, after in swept.changed:
        before, arrived = swept.total[node], swept.arrived[node]
        what = f"the gradient of {_called(node)}"
        site = _hook_site(node)
        part = _part_of(after, arrived)
        if part:
            yield Cause(
                "overwritten-accumulation",
                f"{what} has {len(arrived)} contributions, and a hook keeps {part} where their sum belongs",
                f"of {_few(before)} only {_few(after)} goes on",
                "add up what arrives: kept = kept + g; better, let the engine do it and don't return anything",
                0.95, site=site,
            )  # fmt: skip
            continue
        named = diagnose(after, before)
        words = f": {named.sentence.replace('the rule gives', 'it gives')}" if named is not None else ""
        yield Cause(
            "gradient-hook", f"a hook changes {what}{words}", f"{_few(before)} becomes {_few(after)}",
            "let the hook return None where it only looks; a gradient that is changed on purpose is no derivative",
            0.95, site=site,
        )  # fmt: skip


def _part_of(value: np.ndarray, parts: Sequence[np.ndarray]) -> str:
    """Which of several contributions the value is the sum of, in words; empty where it is of all or of none."""
    count = len(parts)
    if count > 8 or all(
        np.allclose(part, parts[0], rtol=1e-6) for part in parts
    ):  # equal ones can't be told from a half
        return ""
    for size in range(1, count):
        for chosen in itertools.combinations(range(count), size):
            if np.allclose(sum(parts[i] for i in chosen), value, rtol=1e-6, atol=0):
                return ("the last" if chosen == (count - 1,) else "one") if size == 1 else f"{size} of them"
    return ""


def _hook_site(node: Node) -> str:
    codes = [hook.__code__ for hook in node.hooks if hasattr(hook, "__code__")]
    return f"{os.path.basename(codes[-1].co_filename)}:{codes[-1].co_firstlineno}" if codes else node_site(node)


def _called(node: Node) -> str:
    if node.op is None:
        return node.name or "an input"
    return f"{getattr(node, 'name', None) or 'the result'} of {node.op.name} at {node_site(node)}"


def _few(values: np.ndarray) -> str:
    shown = ", ".join(f"{value:.4g}" for value in np.ravel(values)[:3])
    return f"[{shown}{', …' if np.size(values) > 3 else ''}]"


# --- values that are not what they were ----------------------------------------------------------------------


def _written(swept: Sweep) -> Iterator[Cause]:
    """Ops whose recorded result is not what they give for the recorded inputs."""
    for node in swept.total:
        op = node.op
        if op is None:
            continue
        values = [parent.out for parent in node.inputs]
        with np.errstate(all="ignore"):
            try:
                now, again = (np.asarray(op.forward(*values, **node.params)) for _ in range(2))
            except Exception:  # such as a checkpoint, whose forward takes Tensors
                continue
        if now.dtype.kind != "f" or now.shape != node.out.shape or _near(now, node.out):
            continue
        if not _near(now, again):
            yield Cause(
                "random-numbers", f"the forward of {op.name} gives another result each time it is called",
                f"{_few(now)}, then {_few(again)} for the same inputs",
                "draw the random numbers outside, and give them to the op as a parameter", 0.95, site=node_site(node),
            )  # fmt: skip
            continue
        leaf = next((p for p in node.inputs if isinstance(p, Leaf) and p.written > node.index), None)
        site = node_site(node) if leaf is None else leaf.written_at
        yield Cause(
            "written-after-use",
            f"an array that {op.name} at {node_site(node)} was computed from has been written since, so the rule works "
            "with numbers that the result was not made of",
            f"recorded {_few(node.out)}, from the arrays as they are now it would be {_few(now)}",
            "call backward before the write, or make a new array: w = 0.5 * w instead of w.data[:] = …",
            0.95, site=site,
        )  # fmt: skip


def _near(a: np.ndarray, b: np.ndarray) -> bool:
    eps = float(np.finfo(a.dtype).eps)
    scale = float(np.max(np.abs(b), initial=0.0, where=np.isfinite(b)))
    return bool(np.allclose(a, b, rtol=1e3 * eps, atol=1e3 * eps * scale, equal_nan=True))


# --- accumulation --------------------------------------------------------------------------------------------


def _accumulated(swept: Sweep, inputs: Sequence[Tensor], analytic: Sequence[Any]) -> Iterator[Cause]:
    """A gradient that was given and isn't the sum of what arrives."""
    for place, (tensor, given) in enumerate(zip(inputs, analytic)):
        node = tensor._node
        if node is None or node not in swept.total or given is None:
            continue
        total, value = swept.total[node], np.asarray(getattr(given, "_data", given))
        if value.shape != total.shape or np.allclose(value, total, rtol=1e-5, atol=1e-12):
            continue
        name, arrived = tensor.name or f"input {place + 1}", swept.arrived[node]
        facts = f"{_few(value)} was given, the graph says {_few(total)}"
        part = _part_of(value, arrived)
        named = diagnose(value, total)
        if part:
            yield Cause(
                "overwritten-accumulation",
                f"{name} is used {len(arrived)} times, and its gradient is {part} of the contributions: the others "
                "were overwritten", facts, "add up: grad = grad + g, never grad = g", 0.95,
            )  # fmt: skip
        elif named is not None and named.name == "factor-2":
            yield Cause(
                "accumulated-twice", f"the gradient of {name} is twice what this graph gives: two backward passes were "
                "added up", facts, "optimizer.zero_grad(), or x.grad = None, before each backward", 0.8,
            )  # fmt: skip
        else:
            words = "" if named is None else f": {named.sentence.replace('the rule gives', 'it is')}"
            yield Cause(
                "gradient-of-another-graph", f"the gradient of {name} isn't that of this graph{words}", facts,
                "compute it by backward from this output, at these numbers", 0.75,
            )  # fmt: skip


# --- the program beside the point ----------------------------------------------------------------------------


def _beside(beside: Beside) -> Iterator[Cause]:
    if beside.random is not None:
        change = beside.random
        yield Cause(
            "random-numbers", "the program gives other numbers each time it is called",
            f"{change.name} at {change.site}: {_first_change(change)}, for the same inputs",
            "make the generator inside, from a seed: rng = np.random.default_rng(0)", 0.95, site=change.site,
        )  # fmt: skip
    elif beside.branch is not None:
        here, there = beside.branch
        yield Cause(
            "value-dependent-branch", "the program takes another branch right beside this point: its value has a jump "
            "or a kink here, and the gradient is that of the branch that was taken",
            f"{here} runs here, {there} when the inputs move by {WIDTH:.0e} of their size",
            "check at another point; to make it smooth, compute both branches and mix them", 0.9,
            site=here.rpartition(" at ")[2],
        )  # fmt: skip
    elif beside.differs:
        explained = sum(change.share for change in beside.changes)
        certain = abs(explained - 1) < 1e-2
        yield from (_constant(change, certain) for change in beside.changes if abs(change.share) > 0.01 or not certain)


def _constant(change: Change, certain: bool) -> Cause:
    how, site = change.broken
    facts = (
        f"{_first_change(change)} when the inputs move by {WIDTH:.0e} of their size; that explains "
        f"{100 * change.share:.3g} % of what the gradient lacks"
    )
    confidence = 0.95 if certain else 0.6
    if how.startswith("no_grad"):
        name, fix = "no-grad-branch", "take it out of no_grad(): that is for updates and evaluation"
        words = f"{change.name} was computed from the inputs under no_grad(), so no gradient flows through it"
    elif how.startswith(("cast", "astype")):
        name, fix = "integer-cast", "keep floats"
        words = f"{change.name} was computed from the inputs by a cast to whole numbers, which ends the graph"
    elif np.asarray(change.here).dtype.kind in "biu":
        name, site, fix = "value-dependent-branch", site or change.site, "check at another point"
        words = (
            f"{change.name} at {change.site}, a comparison or an index computed from the inputs, changes right beside "
            "this point: the value has a jump or a kink here"
        )
    elif how:
        name, fix = "detached-branch", "leave out detach(), and don't copy with Tensor(…): use the tensor itself"
        words = f"{change.name} depends on the inputs but was cut off from them ({how} {site})"
    else:
        name, site = "constant-from-input", change.site
        fix = "stay with tensors: .item(), float(), .tolist() and NumPy arrays leave the graph"
        words = f"{change.name} at {change.site} depends on the inputs, but it is a plain constant in the graph"
    return Cause(name, words, facts, fix, confidence, site=site)


def _first_change(change: Change) -> str:
    """`0.43 becomes 0.44`: of the element that differs most."""
    here, there = np.asarray(change.here), np.asarray(change.there)
    if here.shape != there.shape or here.dtype.kind not in "fiub" or not here.size:
        return f"{change.here} becomes {change.there}"
    place = int(np.argmax(np.abs(there.astype(float) - here.astype(float))))
    index = f"element {list(map(int, np.unravel_index(place, here.shape)))}: " if here.size > 1 else ""
    return f"{index}{here.flat[place]:.10g} becomes {there.flat[place]:.10g}"
