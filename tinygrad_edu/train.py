"""The training loop for classifiers, and what it remembers: `fit`, `accuracy`, `History`.

Puts modules, losses, optimisers and data together, and keeps the best model. Must not know files or drawings.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tinygrad_edu.data import batches, one_hot
from tinygrad_edu.data.batches import whole_number
from tinygrad_edu.errors import DataError, DtypeError, ShapeError, TrainingError, describe
from tinygrad_edu.functional import cross_entropy, mse_loss
from tinygrad_edu.nn import Module
from tinygrad_edu.node import here
from tinygrad_edu.optim import SGD, Adam, Optimizer
from tinygrad_edu.random import Rng, generator
from tinygrad_edu.switches import no_grad
from tinygrad_edu.tensor import Tensor

__all__ = ["DivergedError", "Epoch", "History", "accuracy", "fit"]

Loss = Callable[[Tensor, Any], Tensor]  # (outputs, the targets of the batch) -> scalar
Dataset = tuple[ArrayLike, ArrayLike]

LOSSES: Final = ("mse", "cross_entropy")
OPTIMIZERS: Final[dict[str, Callable[[list[Tensor], float], Optimizer]]] = {"sgd": SGD, "adam": Adam}
SCHEDULES: Final = ("linear", "constant")
CHUNK: Final = 1000  # samples evaluated at a time
PATIENCE: Final = 4  # epochs over which a flat loss is flat


class Epoch(NamedTuple):
    """What one epoch was: its number from 1, mean loss, share of held-out samples right, seconds, learning rate."""

    number: int
    loss: float
    accuracy: float
    seconds: float
    lr: float


@dataclass
class History:
    """What a training was: its epochs in order, and why it ended."""

    epochs: list[Epoch] = field(default_factory=list)
    stopped: str = "all epochs done"  # or "loss is flat", "interrupted", "loss is not finite"

    @property
    def best(self) -> Epoch | None:
        """The first epoch with the highest held-out accuracy; None if none was finished."""
        return max(self.epochs, key=lambda epoch: epoch.accuracy, default=None)

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self.epochs)

    def __getitem__(self, index: int) -> Epoch:
        return self.epochs[index]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dictionaries, lists and numbers, for JSON.

        >>> History([Epoch(1, 0.5, 0.9, 1.0, 0.1)]).to_dict()["best_epoch"]
        1
        """
        epochs = [epoch._asdict() for epoch in self.epochs]
        return {"stopped": self.stopped, "best_epoch": self.best.number if self.best else None, "epochs": epochs}


class DivergedError(TrainingError):
    """The loss is nan or inf. `history` holds the epochs that were finished before."""

    def __init__(self, text: str, history: History) -> None:
        super().__init__(text)
        self.history = history


def fit(
    model: Module,
    train: Dataset,
    test: Dataset,
    *,
    loss: str | Loss = "mse",
    optimizer: str | Optimizer = "sgd",
    lr: float | None = None,
    batch_size: int = 10,
    epochs: int = 10,
    rng: Rng = 0,
    lr_schedule: str = "linear",
    stop_when_flat: float | None = None,
    progress: bool = True,
    on_epoch: Callable[[History], object] | None = None,
) -> History:
    """Train `model` to classify, by mini-batches in an order drawn from `rng`; it ends as it was after its best epoch.

    train, test      pairs (samples (n, ...), labels (n,)): to learn from, and held out. The best epoch is the first
                     with the most held-out samples right.
    loss             "mse": squared error against one-hot labels, summed over the outputs, averaged over the
                     samples (mse_loss's "batchmean"); "cross_entropy"; or a function (outputs, labels) -> scalar
    optimizer        "sgd" or "adam", with `lr`; or an Optimizer, which has its own
    lr_schedule      "linear": lr · (1 − e / epochs) in epoch e = 0, 1, …; or "constant"
    stop_when_flat   stop when the losses of the last 4 epochs lie within this share of each other, such as 0.001
    progress         show it on stderr: a bar on a terminal, else a line per epoch
    on_epoch         called with the History so far after each epoch

    Ctrl-C ends training early, with the best model so far; `stopped` in the History says so.

    Raises DivergedError, a TrainingError, when the loss is no finite number (the model is as it was after its best
    epoch, or before training if none was finished), DataError for a setting that makes no sense.

    >>> from tinygrad_edu.data import digits
    >>> from tinygrad_edu.nn import MLP
    >>> train, test = digits(size=8)
    >>> model = MLP([64, 16, 10], dtype=np.float32)
    >>> history = fit(model, train, test, lr=1.0, epochs=3, progress=False)
    >>> history.best.accuracy > 0.8
    True
    """
    images, labels = _pair("train", train)
    held_out = _pair("test", test)
    optimizer = _optimizer(optimizer, model, lr)
    compute_loss, targets = loss_and_targets(loss, model, images, labels)
    epochs = whole_number(epochs, "epochs", at_least=1)
    batch_size = whole_number(batch_size, "batch_size", at_least=1)
    if lr_schedule not in SCHEDULES:
        raise DataError(
            describe(
                f"no schedule is called {lr_schedule!r}",
                where=here(),
                fix=" or ".join(map(repr, SCHEDULES)),
                code="unknown-choice",
            )
        )
    random = generator(rng)
    first_lr = optimizer.lr
    history = History()
    best, best_accuracy = model.state_dict(), -1.0
    show = _Progress(epochs, math.ceil(len(labels) / batch_size)) if progress else None
    try:
        for number in range(1, epochs + 1):
            start = time.perf_counter()
            if lr_schedule == "linear":
                optimizer.lr = first_lr * (1 - (number - 1) / epochs)
            steps = batches(images, targets, batch_size, random)
            mean_loss = _one_epoch(model, steps, compute_loss, optimizer, history, show)
            right = accuracy(model, *held_out)
            history.epochs.append(Epoch(number, mean_loss, right, time.perf_counter() - start, optimizer.lr))
            if right > best_accuracy:
                best, best_accuracy = model.state_dict(), right
            if show:
                show.epoch(history)
            if on_epoch is not None:
                on_epoch(history)
            if stop_when_flat is not None and _is_flat(history, stop_when_flat):
                history.stopped = "loss is flat"
                break
    except KeyboardInterrupt:
        history.stopped = "interrupted"
    finally:
        model.load_state_dict(best)
        optimizer.lr = first_lr
        if show:
            show.close()
    return history


def accuracy(model: Module, images: ArrayLike, labels: ArrayLike) -> float:
    """The share of samples whose largest output is at their label, from 0 to 1; computed without recording.

    images (n, ...) as the model takes them, labels (n,). Raises ShapeError for unequal lengths, DataError for none.

    >>> from tinygrad_edu.nn import Linear
    >>> model = Linear(2, 2)
    >>> model.weight.data = np.eye(2)
    >>> accuracy(model, [[1.0, 0.0], [0.0, 1.0]], [0, 0])
    0.5
    """
    pictures, answers = _pair("accuracy", (images, labels))
    was_training = model.training
    model.eval()
    right = 0
    try:
        with no_grad(), np.errstate(all="ignore"):
            for start in range(0, len(answers), CHUNK):
                outputs = model(pictures[start : start + CHUNK]).numpy()
                right += int(np.count_nonzero(outputs.argmax(axis=-1) == answers[start : start + CHUNK]))
    finally:
        model.train(was_training)
    return right / len(answers)


# --- one epoch ---


def _one_epoch(
    model: Module,
    steps: Iterable[tuple[np.ndarray, np.ndarray]],
    compute_loss: Loss,
    optimizer: Optimizer,
    history: History,
    show: _Progress | None,
) -> float:
    """One pass over the batches; the mean loss of the samples, each as it was when its batch came."""
    model.train()
    total, count = 0.0, 0
    with np.errstate(all="ignore"):  # what overflows ends in the loss, which is looked at
        for step, (x, y) in enumerate(steps, 1):
            loss = compute_loss(model(x), y)
            value = loss.item()
            if not math.isfinite(value):
                raise _diverged(value, step, history, optimizer)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += value * len(y)
            count += len(y)
            if show:
                show.step()
    return total / count


def _diverged(value: float, step: int, history: History, optimizer: Optimizer) -> DivergedError:
    history.stopped = "loss is not finite"
    epoch, best = len(history) + 1, history.best
    overshot = epoch > 1 or step > 1
    text = describe(
        f"the loss is {value} at step {step} of epoch {epoch}: training can't go on",
        where=here(),
        optimizer=f"{type(optimizer).__name__} with lr={optimizer.lr:g}",
        likely="the learning rate is too large: each step overshoots, and the weights grow without bounds"
        if overshot
        else "nan or inf in the data, or first outputs too large for the loss",
        kept="the model as it was " + (f"after epoch {best.number}, its best" if best else "before training"),
        fix=f"a smaller learning rate, such as {optimizer.lr / 10:g}; tg.detect_anomaly() finds the first op",
        code="training-diverged",
    )
    return DivergedError(text, history)


def _is_flat(history: History, share: float) -> bool:
    losses = [epoch.loss for epoch in history.epochs[-PATIENCE:]]
    return len(losses) == PATIENCE and max(losses) - min(losses) <= share * max(losses)


# --- settings ---


def _pair(name: str, dataset: Any) -> tuple[np.ndarray, np.ndarray]:
    """Samples and labels as arrays that fit each other."""
    if not isinstance(dataset, tuple | list) or len(dataset) != 2:
        what = f"{name} is a pair of samples and labels, not {type(dataset).__name__}"
        raise DtypeError(describe(what, where=here(), fix="(images, labels)", code="wrong-arguments"))
    images, labels = (np.asarray(part) for part in dataset)
    if images.ndim < 1 or labels.ndim != 1 or len(images) != len(labels):
        raise ShapeError(
            describe(
                f"{name}: as many labels as samples are needed",
                where=here(),
                samples=f"shape {images.shape}",
                labels=f"shape {labels.shape}",
                fix="samples (n, ...) with labels (n,), whole numbers",
                code="unequal-sample-counts",
            )
        )
    if not len(labels):
        raise DataError(describe(f"{name}: there are no samples", where=here(), code="empty-input"))
    return images, labels


def _optimizer(optimizer: str | Optimizer, model: Module, lr: float | None) -> Optimizer:
    if isinstance(optimizer, Optimizer):
        if lr is not None:
            raise DataError(
                describe(
                    "the optimizer has its own lr; fit's lr is for names", where=here(), code="conflicting-arguments"
                )
            )
        return optimizer
    if optimizer not in OPTIMIZERS:
        raise DataError(
            describe(
                f"no optimizer is called {optimizer!r}",
                where=here(),
                fix=" or ".join(map(repr, OPTIMIZERS)),
                code="unknown-choice",
            )
        )
    if lr is None:
        raise DataError(describe("fit needs a learning rate", where=here(), fix="lr=1.0", code="wrong-arguments"))
    return OPTIMIZERS[optimizer](model.parameters(), lr)


def loss_and_targets(
    loss: str | Loss, model: Module, images: np.ndarray, labels: np.ndarray
) -> tuple[Loss, np.ndarray]:
    """The function (outputs, targets) -> scalar, and the targets for all samples."""
    if callable(loss):
        return loss, labels
    if loss == "cross_entropy":
        return cross_entropy, labels
    if loss == "mse":
        with no_grad():
            outputs = model(images[:1])
        return _squared_error, one_hot(labels, classes=outputs.shape[-1], dtype=outputs.dtype)
    raise DataError(
        describe(
            f"no loss is called {loss!r}",
            where=here(),
            fix=" or ".join(map(repr, LOSSES)) + ", or a function",
            code="unknown-choice",
        )
    )


def _squared_error(outputs: Tensor, targets: np.ndarray) -> Tensor:
    return mse_loss(outputs, targets, reduction="batchmean")


# --- progress ---


class _Progress:
    """What a waiting person sees on stderr: a bar on a terminal, else one plain line per epoch."""

    def __init__(self, epochs: int, steps: int) -> None:
        self.epochs = epochs
        self.bar: Any = None
        if sys.stderr is not None and sys.stderr.isatty():
            from shutil import get_terminal_size

            from tqdm import tqdm

            form = "{desc} {percentage:3.0f} %|{bar}| {elapsed}, left {remaining}{postfix}"
            width, height = get_terminal_size()  # tqdm shows nothing where a terminal doesn't know its size
            name = f"epoch 1/{epochs}"
            self.bar = tqdm(total=epochs * steps, desc=name, bar_format=form, ncols=width, nrows=height)

    def step(self) -> None:
        if self.bar is not None:
            self.bar.update()

    def epoch(self, history: History) -> None:
        last, done = history[-1], len(history)
        facts = f"loss {last.loss:.4f}  held-out {100 * last.accuracy:.2f} %"
        if self.bar is not None:
            self.bar.set_postfix_str(facts, refresh=False)
            self.bar.set_description_str(f"epoch {min(done + 1, self.epochs)}/{self.epochs}")
        elif sys.stderr is not None:
            spent = sum(epoch.seconds for epoch in history)
            left = spent / done * (self.epochs - done)
            line = f"epoch {done:{len(str(self.epochs))}}/{self.epochs}  {facts}  {spent:.1f} s, left {left:.1f} s"
            with suppress(OSError):  # nobody may be reading any more; training goes on
                print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
