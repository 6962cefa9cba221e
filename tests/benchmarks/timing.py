"""Honest times: alternating rounds of the candidates in one process, medians, and ratios round by round.

The machine's speed drifts; what is compared runs in turn within the same few milliseconds.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable


def seconds_per_call(function: Callable[[], object], calls: int) -> float:
    """Mean seconds of `calls` calls in a row."""
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def compare(
    functions: dict[str, Callable[[], object]], rounds: int = 21, round_seconds: float = 0.02
) -> dict[str, list[float]]:
    """Seconds per call of each function, one number a round; each is warmed up first."""
    calls = {}
    for name, function in functions.items():
        seconds_per_call(function, 3)
        calls[name] = max(1, int(round_seconds / seconds_per_call(function, 3)))
    times: dict[str, list[float]] = {name: [] for name in functions}
    gc.collect()
    for _ in range(rounds):
        for name, function in functions.items():
            times[name].append(seconds_per_call(function, calls[name]))
    return times


def median(values: list[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def ratio(times: dict[str, list[float]], name: str, base: str) -> float:
    """Median over the rounds of the time of `name` divided by that of `base` in the same round."""
    return statistics.median(a / b for a, b in zip(times[name], times[base], strict=True))
