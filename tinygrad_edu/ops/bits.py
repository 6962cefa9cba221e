"""Ops on integers and their bits: rows without rules, since whole numbers have no derivative. Arrays only."""

from __future__ import annotations

import numpy as np

from tinygrad_edu.op import ELEMENTWISE, Domain, Op, Sample
from tinygrad_edu.ops import sampling

_WHOLE = Domain("whole numbers", 0, 8)


def _whole(name: str, function: np.ufunc, formula: str, doc: str) -> Op:
    def sample(rng: np.random.Generator) -> Sample:
        shapes = sampling.broadcastable(rng, function.nin)
        return tuple(np.asarray(rng.integers(0, 8, shape)) for shape in shapes), {}

    return Op(
        name, function, vjps=(None,) * function.nin, kind=ELEMENTWISE, formula=formula,
        domain=(_WHOLE,) * function.nin, sampler=sample, doc=f"{doc}; no derivative.",
    )  # fmt: skip


bitwise_and = _whole("bitwise_and", np.bitwise_and, "x & y", "The bits that are set in both; of booleans x and y")
bitwise_or = _whole("bitwise_or", np.bitwise_or, "x | y", "The bits that are set in either; of booleans x or y")
bitwise_xor = _whole("bitwise_xor", np.bitwise_xor, "x ^ y", "The bits that are set in one of the two")
invert = _whole("invert", np.invert, "~x", "All bits the other way round; of booleans not x")
left_shift = _whole("left_shift", np.left_shift, "x << y", "The bits moved y places up: x · 2ʸ")
right_shift = _whole("right_shift", np.right_shift, "x >> y", "The bits moved y places down: ⌊x / 2ʸ⌋")
bitwise_count = _whole("bitwise_count", np.bitwise_count, "number of 1s in |x|", "How many bits of |x| are set")
gcd = _whole("gcd", np.gcd, "gcd(x, y)", "The greatest common divisor")
lcm = _whole("lcm", np.lcm, "lcm(x, y)", "The least common multiple")
