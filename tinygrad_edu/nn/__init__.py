"""Networks: modules with parameters, layers, initial weights, models in files.

Compositions of tensor ops; nothing here has a derivative of its own, or knows optimisers and drawings.
"""

from tinygrad_edu.nn import init
from tinygrad_edu.nn.files import load, load_state, save
from tinygrad_edu.nn.layers import MLP, Linear, Sequential
from tinygrad_edu.nn.module import Module

__all__ = ["MLP", "Linear", "Module", "Sequential", "init", "load", "load_state", "save"]
