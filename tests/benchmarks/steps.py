"""One SGD step of the notes' network: written by hand in NumPy, and by the engine."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

import tinygrad_edu as tg

SIZES = [784, 16, 16, 10]


def batch(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and one-hot targets in float32, read-only like those of `tg.data.batches`."""
    rng = np.random.default_rng(0)
    images = rng.random((size, 784), dtype=np.float32)
    targets = np.eye(10, dtype=np.float32)[rng.integers(0, 10, size)]
    images.flags.writeable = targets.flags.writeable = False
    return images, targets


def by_hand(size: int) -> Callable[[], object]:
    """The step as one writes it in NumPy: forward, squared error, the four equations, update in place."""
    x, y = batch(size)
    rng = np.random.default_rng(0)
    weights = [rng.normal(0, m**-0.5, (m, n)).astype(np.float32) for m, n in pairwise(SIZES)]
    biases = [np.zeros(n, np.float32) for n in SIZES[1:]]
    lr = np.float32(0.1)

    def step() -> object:
        activations = [x]
        for w, b in zip(weights, biases, strict=True):
            activations.append(1 / (1 + np.exp(-(activations[-1] @ w + b))))
        error = activations[-1] - y
        loss = np.mean(error * error)
        delta = error * np.float32(2 / error.size)
        for layer in (2, 1, 0):
            a = activations[layer + 1]
            delta = delta * a * (1 - a)
            w_grad = activations[layer].T @ delta
            b_grad = delta.sum(axis=0)
            if layer:
                delta = delta @ weights[layer].T
            weights[layer] -= lr * w_grad
            biases[layer] -= lr * b_grad
        return loss

    return step


def by_engine(size: int) -> Callable[[], object]:
    """The same step by the engine, with its own modules, loss and optimiser."""
    x, y = batch(size)
    model = tg.nn.MLP(SIZES, activation="sigmoid", rng=0, dtype=np.float32)
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

    def step() -> object:
        optimizer.zero_grad()
        loss = tg.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step
