"""Explanations: a gradient as the sum over its paths, and why a reverse pass needs an order.

Reads derivations and says what it finds in text and LaTeX. Must not know networks.
"""

from tinygrad_edu.explain.explanation import Explanation, explain

__all__ = ["Explanation", "explain"]
