"""Numerical verification: derivatives of a function against differences of its values, entry by entry.

Everything is copied to float64. Each entry of each input is moved by two different steps, so the numeric side
knows how accurate it is itself, and a verdict may be "undecided". Must not know networks or pictures.
"""

from tinygrad_edu.gradcheck.check import gradcheck
from tinygrad_edu.gradcheck.report import GradcheckReport

__all__ = ["GradcheckReport", "gradcheck"]
