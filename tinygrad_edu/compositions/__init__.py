"""NumPy functions that are compositions of rows, by family. They need no derivative of their own."""

from tinygrad_edu.compositions import shape

__all__ = ["shape"]
