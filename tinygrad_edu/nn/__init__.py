"""Networks: modules with parameters, layers, initial weights, models in files.

Compositions of tensor ops; nothing here has a derivative of its own, or knows optimisers and drawings.
"""

from tinygrad_edu.nn import init
from tinygrad_edu.nn.attention import Embedding, MultiheadAttention
from tinygrad_edu.nn.convolution import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from tinygrad_edu.nn.files import load, load_state, save
from tinygrad_edu.nn.layers import MLP, Linear, Sequential
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.normalisation import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm, RMSNorm
from tinygrad_edu.nn.pooling import (
    AdaptiveAvgPool2d,
    AvgPool1d,
    AvgPool2d,
    Dropout,
    Dropout2d,
    Flatten,
    MaxPool1d,
    MaxPool2d,
    Unflatten,
)

__all__ = [
    "MLP",
    "AdaptiveAvgPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "Dropout",
    "Dropout2d",
    "Embedding",
    "Flatten",
    "GroupNorm",
    "LayerNorm",
    "Linear",
    "MaxPool1d",
    "MaxPool2d",
    "Module",
    "MultiheadAttention",
    "RMSNorm",
    "Sequential",
    "Unflatten",
    "init",
    "load",
    "load_state",
    "save",
]
