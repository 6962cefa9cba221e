"""The step-through page: forward line by line, then backward op by op, of any recorded graph, in one file."""

from tinygrad_edu.explorer.explore import Page, explore

__all__ = ["Page", "explore"]
