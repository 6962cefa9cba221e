"""Which entries are compared one by one when all would cost too much, and how the others are tested together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

LEAST = 16  # entries of each input that are compared by themselves at any price
DIRECTIONS = 3  # random directions in which the other entries of an input are moved together
FOUND = 8  # wrong entries that are searched for when such a direction disagrees


def affordable(sizes: Sequence[int], costs: Sequence[float], budget: float) -> list[int]:
    """How many entries of each input to compare, so that the costs stay within the budget.

    Small inputs are compared wholly; what they leave of their share goes to the larger ones.

    >>> affordable([10, 1000], [1.0, 1.0], 110)
    [10, 100]
    """
    counts = [0] * len(sizes)
    left = budget
    waiting = sorted(range(len(sizes)), key=lambda i: sizes[i] * costs[i])
    while waiting:
        i = waiting.pop(0)
        share = left / (len(waiting) + 1)
        counts[i] = min(sizes[i], max(LEAST, int(share / max(costs[i], 1e-9))))
        left = max(0.0, left - counts[i] * costs[i])
    return counts


def stratified(size: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` of `size` places: one at random in each of `count` equal parts.

    >>> stratified(3, 5, np.random.default_rng(0))
    array([0, 1, 2])
    """
    if count >= size:
        return np.arange(size)
    edges = np.linspace(0, size, count + 1)
    return np.unique((edges[:-1] + rng.random(count) * np.diff(edges)).astype(int))


def search(entries: np.ndarray, disagrees: Callable[[np.ndarray], bool]) -> list[int]:
    """Some of the entries for which `disagrees(part)` is true of every part that holds them, by halving."""
    found: list[int] = []
    waiting = [entries]
    while waiting and len(found) < FOUND:
        part = waiting.pop()
        if not disagrees(part):
            continue
        if len(part) == 1:
            found.append(int(part[0]))
        else:
            waiting += [part[len(part) // 2 :], part[: len(part) // 2]]
    return found
