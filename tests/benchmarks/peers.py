"""The same SGD step in the engines that learners use, in the same process: `python -m tests.benchmarks.peers`.

Each is written as its own documentation writes it. Those that are not installed are left out; the project needs none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import numpy as np

from tests.benchmarks import steps
from tests.benchmarks.timing import compare, median, ratio

Row = tuple[str, str, str]
LR = 0.1


def _parameters() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    sizes = pairwise(steps.SIZES)
    return [p for m, n in sizes for p in (rng.normal(0, m**-0.5, (m, n)).astype(np.float32), np.zeros(n, np.float32))]


def pytorch(x: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    """Eager PyTorch: modules, MSELoss, SGD."""
    torch: Any = import_module("torch")
    torch.set_num_threads(1)
    layers: list[Any] = []
    for m, n in pairwise(steps.SIZES):
        layers += [torch.nn.Linear(m, n), torch.nn.Sigmoid()]
    model, loss_of = torch.nn.Sequential(*layers), torch.nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    images, targets = torch.tensor(x), torch.tensor(y)

    def step() -> object:
        optimizer.zero_grad()
        loss = loss_of(model(images), targets)
        loss.backward()
        optimizer.step()
        return loss

    return step


def _jax(x: np.ndarray, y: np.ndarray, compiled: bool) -> Callable[[], object]:
    jax: Any = import_module("jax")
    jnp: Any = import_module("jax.numpy")
    images, targets = jnp.asarray(x), jnp.asarray(y)

    def loss_of(parameters: Any) -> Any:
        a = images
        for w, b in zip(parameters[::2], parameters[1::2], strict=True):
            a = jax.nn.sigmoid(a @ w + b)
        return ((a - targets) ** 2).mean()

    def update(parameters: Any) -> Any:
        return [p - LR * g for p, g in zip(parameters, jax.grad(loss_of)(parameters), strict=True)]

    run = jax.jit(update) if compiled else update
    held = [run([jnp.asarray(p) for p in _parameters()])]

    def step() -> object:
        held[0] = run(held[0])
        return held[0][0].block_until_ready()

    return step


def jax_compiled(x: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    """JAX, the whole step under jit."""
    return _jax(x, y, True)


def jax_eager(x: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    """JAX as it runs while one looks at values: without jit."""
    return _jax(x, y, False)


def autograd(x: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    """HIPS autograd: grad of a loss written with its NumPy."""
    anp: Any = import_module("autograd.numpy")
    grad = import_module("autograd").grad
    parameters = _parameters()

    def loss_of(parameters: Any) -> Any:
        a = x
        for w, b in zip(parameters[::2], parameters[1::2], strict=True):
            a = 1 / (1 + anp.exp(-(anp.dot(a, w) + b)))
        return anp.mean((a - y) ** 2)

    gradient = grad(loss_of)

    def step() -> object:
        for p, g in zip(parameters, gradient(parameters), strict=True):
            p -= LR * g
        return parameters

    return step


def mygrad(x: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    """MyGrad: tensors, its sigmoid, an update of `.data`."""
    mg: Any = import_module("mygrad")
    sigmoid = import_module("mygrad.nnet").sigmoid
    parameters = [mg.tensor(p) for p in _parameters()]

    def step() -> object:
        a = x
        for w, b in zip(parameters[::2], parameters[1::2], strict=True):
            a = sigmoid(a @ w + b)
        loss = ((a - y) ** 2).mean()
        loss.backward()
        for p in parameters:
            p.data -= LR * p.grad
        return loss

    return step


PEERS = {
    "PyTorch {}": ("torch", pytorch),
    "JAX {} with the step compiled": ("jax", jax_compiled),
    "JAX {} without jit": ("jax", jax_eager),
    "autograd {}": ("autograd", autograd),
    "MyGrad {}": ("mygrad", mygrad),
}


def _present() -> Iterator[tuple[str, Callable[..., Callable[[], object]]]]:
    for title, (package, make) in PEERS.items():
        if find_spec(package) is not None:
            yield title.format(version(package).partition("+")[0]), make


def rows() -> list[Row]:
    """One row per size of the batch: the time of each peer's step beside that of the engine."""
    present = dict(_present())
    if not present:
        return []
    found = []
    for size in (32, 256):
        batch = steps.batch(size)
        times = compare(
            {"engine": steps.by_engine(size)} | {title: make(*batch) for title, make in present.items()}, rounds=21
        )
        others = ", ".join(
            f"{title} {ratio(times, title, 'engine'):.1f}× ({median(times[title]) * 1e6:.0f} µs)" for title in present
        )
        found.append((f"the same step by others, batch {size}: their time / this engine's", others, "> 1×"))
    return found


if __name__ == "__main__":
    for row in rows():
        print(" | ".join(row))
