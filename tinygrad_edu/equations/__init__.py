"""The four equations of backpropagation, computed by their formulas and by the engine, side by side."""

from tinygrad_edu.equations.four import Equation, FourEquations, four_equations

__all__ = ["Equation", "FourEquations", "four_equations"]
