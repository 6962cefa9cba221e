"""`x[1:] += y` in the user's program: Python reads `x[1:]`, adds to it, and stores the sum as `x[1:]` again.

So an in-place operator on a view may give a new value where that value is stored back at once: the write reaches x
by `__setitem__`. Here a statement of this kind is told from `v = x[1:]; v += y`, where it would not. This module knows
Python's instructions and nothing else of the project.
"""

from __future__ import annotations

import functools
import opcode
import sys
from types import FrameType
from typing import Any

_BETWEEN = {opcode.opmap.get(name) for name in ("CACHE", "SWAP", "ROT_TWO", "ROT_THREE", "ROT_FOUR", "EXTENDED_ARG")}
_STORES = {opcode.opmap.get(name) for name in ("STORE_SUBSCR", "STORE_SLICE")}


def stored_back(frame: FrameType, references: int) -> bool:
    """Whether the operator that runs in `frame` stands in `a[i] op= b`, and its left side is a value nobody else has.

    references   what `sys.getrefcount` says of the left side, in a function that the operator's method calls with it.
                 One that lies in a list has one more: `rows[0] += y` would not reach what `rows[0]` is a view of.
    """
    code = frame.f_code.co_code
    place = frame.f_lasti + 2
    while place < len(code) and code[place] in _BETWEEN:
        place += 2
    return place < len(code) and code[place] in _STORES and references <= _references_to_a_temporary()


def storing(frame: FrameType) -> bool:
    """Whether `frame` is in the middle of `a[i] = b`: what `b` is asked for now goes into `a`."""
    return frame.f_code.co_code[frame.f_lasti] in _STORES


@functools.cache
def _references_to_a_temporary() -> int:
    """`references` of the left side in `a[0] += 1` where nobody else has it: it depends on the version of Python."""
    counted = []

    def count(value: Any) -> None:
        counted.append(sys.getrefcount(value))

    class Part:
        def __iadd__(self, other: Any) -> Part:
            count(self)
            return self

    class Whole:
        def __getitem__(self, key: Any) -> Part:
            return Part()

        def __setitem__(self, key: Any, value: Part) -> None:
            pass

    whole = Whole()
    whole[0] += 1
    return counted[0]
