"""`fit` learns, remembers, keeps the best model, and ends in order however it ends."""

import io
import math

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.data import digits
from tinygrad_edu.errors import DataError, DtypeError, IndexingError, ShapeError, TrainingError
from tinygrad_edu.functional import cross_entropy
from tinygrad_edu.nn import MLP, Linear, Module
from tinygrad_edu.train import DivergedError, Epoch, History, accuracy, fit


@pytest.fixture(scope="module")
def data():
    return digits(size=8)


def small(**options):
    return MLP([64, 12, 10], dtype=np.float32, **options)


def train(data, model=None, **options):
    model = small() if model is None else model
    settings = {"lr": 1.0, "epochs": 3, "progress": False, **options}
    return model, fit(model, *data, **settings)


def blobs(n=40):
    """Two clouds of points, easy to tell apart."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 2
    return rng.normal(size=(n, 2)) + 3 * labels[:, None], labels


class Counting(Module):
    """Raises `what` at the `at`-th training step; else what Linear does."""

    def __init__(self, at, what):
        self.linear = Linear(2, 2)
        self.left = at
        self.what = what

    def forward(self, x):
        if self.training and self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise self.what
        return self.linear(x)


# --- learning ---


@pytest.mark.parametrize(
    "options",
    [
        {"loss": "mse"},
        {"loss": "cross_entropy", "lr": 0.5},
        {"loss": cross_entropy, "lr": 0.5},
        {"optimizer": "adam", "lr": 0.01},
        {"lr_schedule": "constant", "batch_size": 7},
    ],
)
def test_it_learns_with_every_loss_optimizer_and_schedule(data, options):
    output = None if "loss" in options and options["loss"] != "mse" else "same"
    model, history = train(data, small(output_activation=output), epochs=8, **options)
    assert history.best.accuracy > 0.85
    assert history[-1].loss < history[0].loss / 2
    assert {p.dtype for p in model.parameters()} == {np.dtype(np.float32)}


def test_same_seed_same_bits_other_seed_other_order(data):
    runs = [train(data, rng=rng, epochs=2) for rng in (3, np.random.default_rng(3), 4)]
    weights = [model.layer1.weight.data for model, _ in runs]
    np.testing.assert_array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])
    assert [epoch.loss for epoch in runs[0][1]] == [epoch.loss for epoch in runs[1][1]]


def test_squared_error_is_summed_over_outputs_and_averaged_over_samples(data):
    model = small(init="zeros")  # every output is 0.5: each sample costs 10 · 0.25
    _, history = train(data, model, lr=0.0, epochs=1)
    assert history[0].loss == pytest.approx(2.5)


def test_an_optimizer_given_keeps_its_own_lr(data):
    model = small()
    optimizer = tg.optim.SGD(model.parameters(), lr=1.0, momentum=0.5)
    history = fit(model, *data, optimizer=optimizer, epochs=4, progress=False)
    assert [epoch.lr for epoch in history] == [1.0, 0.75, 0.5, 0.25]
    assert optimizer.lr == 1.0


def test_a_float64_model_trains_in_float64_on_float32_images(data):
    model = MLP([64, 12, 10])
    _, history = train(data, model, epochs=1)
    assert model.layer1.weight.dtype == np.float64
    assert len(history) == 1


# --- what it remembers and keeps ---


def test_history_has_one_row_per_epoch(data):
    seen = []
    _, history = train(data, epochs=3, on_epoch=lambda so_far: seen.append((len(so_far), so_far[-1].number)))
    assert seen == [(1, 1), (2, 2), (3, 3)]
    assert [epoch.lr for epoch in history] == pytest.approx([1.0, 2 / 3, 1 / 3])
    assert all(epoch.seconds > 0 and math.isfinite(epoch.loss) for epoch in history)
    assert history.stopped == "all epochs done"
    facts = history.to_dict()
    assert facts["best_epoch"] == history.best.number
    assert facts["epochs"][0] == history[0]._asdict()


def test_the_best_epoch_is_the_first_of_the_highest():
    rows = [Epoch(n, 1.0, a, 0.1, 0.1) for n, a in enumerate([0.5, 0.9, 0.8, 0.9], 1)]
    assert History(rows).best.number == 2
    assert History().best is None
    assert History().to_dict() == {"stopped": "all epochs done", "best_epoch": None, "epochs": []}


def test_the_model_ends_as_it_was_after_its_best_epoch(data):
    states = []
    model = small()
    _, history = train(data, model, epochs=8, on_epoch=lambda _: states.append(model.state_dict()))
    best = states[history.best.number - 1]
    for path, array in model.state_dict().items():
        np.testing.assert_array_equal(array, best[path])
    assert accuracy(model, *data[1]) == history.best.accuracy


def test_a_worse_later_epoch_does_not_replace_the_best():
    images, labels = blobs()
    model = Linear(2, 2)
    model.load_state_dict({"weight": [[-1.0, 1.0], [-1.0, 1.0]], "bias": [3.0, -3.0]})
    states = []

    def spoil(history):
        states.append(model.state_dict())
        model.weight.data = np.array([[5.0, -5.0], [5.0, -5.0]])  # the next epoch starts from nonsense

    history = fit(model, (images, labels), (images, labels), lr=1e-9, epochs=2, progress=False, on_epoch=spoil)
    assert history[1].accuracy < history[0].accuracy
    np.testing.assert_array_equal(model.weight.data, states[0]["weight"])


# --- how it can end ---


def test_it_stops_when_the_loss_is_flat_and_only_if_asked(data):
    _, history = train(data, lr=0.0, epochs=9, stop_when_flat=0.001)
    assert (len(history), history.stopped) == (4, "loss is flat")
    _, history = train(data, lr=0.0, epochs=6)
    assert (len(history), history.stopped) == (6, "all epochs done")
    _, history = train(data, lr=1.0, epochs=6, stop_when_flat=0.001)
    assert (len(history), history.stopped) == (6, "all epochs done")


def test_ctrl_c_ends_with_the_best_model_so_far():
    images, labels = blobs()
    model = Counting(10, KeyboardInterrupt())  # 4 steps an epoch: in the third
    states = []
    history = fit(
        model,
        (images, labels),
        (images, labels),
        lr=0.1,
        epochs=9,
        progress=False,
        on_epoch=lambda _: states.append(model.state_dict()),
    )
    assert (len(history), history.stopped) == (2, "interrupted")
    for path, array in model.state_dict().items():
        np.testing.assert_array_equal(array, states[history.best.number - 1][path])


def test_ctrl_c_in_the_first_epoch_leaves_the_model_as_it_was():
    images, labels = blobs()
    model = Counting(2, KeyboardInterrupt())
    before = model.state_dict()
    history = fit(model, (images, labels), (images, labels), lr=0.1, progress=False)
    assert (len(history), history.best, history.stopped) == (0, None, "interrupted")
    for path, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[path])


def test_any_other_error_goes_through_and_leaves_the_best_model():
    images, labels = blobs()
    model = Counting(6, ZeroDivisionError("a bug of the user's"))
    states = []
    with pytest.raises(ZeroDivisionError):
        fit(
            model,
            (images, labels),
            (images, labels),
            lr=0.1,
            progress=False,
            on_epoch=lambda _: states.append(model.state_dict()),
        )
    np.testing.assert_array_equal(model.linear.weight.data, states[0]["linear.weight"])


def test_a_huge_learning_rate_ends_in_a_message_and_the_model_as_before():
    images, labels = blobs()
    model = MLP([2, 8, 2], activation="relu", output_activation=None)
    before = model.state_dict()
    with pytest.raises(TrainingError) as caught:
        fit(model, (images, labels), (images, labels), lr=1e30, progress=False)
    error = caught.value
    assert isinstance(error, DivergedError)
    lines = str(error).splitlines()
    assert lines[0].startswith(("the loss is inf at step ", "the loss is nan at step "))
    assert lines[0].endswith(" of epoch 1: training can't go on")
    assert lines[1].startswith("  where:     test_train.py:")
    assert lines[2:] == [
        "  optimizer: SGD with lr=1e+30",
        "  likely:    the learning rate is too large: each step overshoots, and the weights grow without bounds",
        "  kept:      the model as it was before training",
        "  fix:       a smaller learning rate, such as 1e+29; tg.detect_anomaly() finds the first op",
        "  code:      training-diverged",
    ]
    assert (error.history.best, error.history.stopped) == (None, "loss is not finite")
    for path, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[path])


def test_diverging_later_keeps_the_best_epoch():
    images, labels = blobs()
    model = MLP([2, 8, 2], activation="relu", output_activation=None)
    optimizer = tg.optim.SGD(model.parameters(), lr=0.01)
    states = []

    def spoil(history):
        states.append(model.state_dict())
        if len(history) == 2:
            model.layer1.weight.data = np.full((2, 8), np.nan)

    with pytest.raises(
        DivergedError, match=r"the loss is nan at step 1 of epoch 3(.|\n)*after epoch \d, its best"
    ) as e:
        fit(model, (images, labels), (images, labels), optimizer=optimizer, progress=False, on_epoch=spoil)
    assert len(e.value.history) == 2
    for path, array in model.state_dict().items():
        np.testing.assert_array_equal(array, states[e.value.history.best.number - 1][path])


def test_nan_in_the_data_is_blamed_on_the_data():
    images, labels = blobs()
    images[:] = np.nan
    with pytest.raises(DivergedError, match=r"step 1 of epoch 1(.|\n)*likely: +nan or inf in the data"):
        fit(Linear(2, 2), (images, labels), (images, labels), lr=0.1, progress=False)


# --- progress ---


def test_without_a_terminal_there_is_one_plain_line_per_epoch(data, capsys):
    train(data, epochs=2, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert first.startswith("epoch 1/2  loss ")
    assert " held-out " in first
    assert " s, left " in first
    assert second.startswith("epoch 2/2  loss ")
    assert second.endswith("left 0.0 s")


def test_without_progress_nothing_is_printed(data, capsys):
    train(data, epochs=1)
    assert capsys.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_there_is_a_bar_with_loss_accuracy_and_time_left(data, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    train(data, epochs=2, progress=True)
    shown = terminal.getvalue()
    assert "epoch 1/2" in shown
    last = shown.replace("\r", "\n").strip().splitlines()[-1]
    assert last.startswith("epoch 2/2 100 %|")
    assert "left 00:00" in last
    assert "loss 0." in last
    assert "held-out " in last


class Gone(io.StringIO):
    def write(self, text):
        raise BrokenPipeError


def test_training_goes_on_when_nobody_reads_its_progress(data, monkeypatch):
    monkeypatch.setattr("sys.stderr", Gone())
    _, history = train(data, epochs=2, progress=True)
    assert len(history) == 2


# --- accuracy ---


def test_accuracy_is_the_share_of_right_answers_in_any_number_of_chunks():
    model = Linear(3, 3, init="zeros")
    model.weight.data = np.eye(3)
    labels = np.random.default_rng(0).integers(0, 3, 2_500)
    images = np.eye(3)[labels]
    assert accuracy(model, images, labels) == 1.0
    assert accuracy(model, images[:1001], np.where(np.arange(1001) == 1000, -1, labels[:1001])) == 1000 / 1001
    assert accuracy(model, images, (labels + 1) % 3) == 0.0


def test_accuracy_records_nothing_and_leaves_the_mode_as_it_was():
    modes = []

    class Watching(Linear):
        def forward(self, x):
            y = super().forward(x)
            modes.append((self.training, y.requires_grad))
            return y

    model = Watching(2, 2)
    accuracy(model, *blobs())
    assert modes == [(False, False)]
    assert model.training
    model.eval()
    accuracy(model, *blobs())
    assert not model.training


# --- what is refused ---


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"loss": "msee"}, DataError, "no loss is called 'msee'"),
        ({"optimizer": "sgdd"}, DataError, "no optimizer is called 'sgdd'"),
        ({"lr_schedule": "cosine"}, DataError, "no schedule is called 'cosine'"),
        ({"lr": None}, DataError, "fit needs a learning rate"),
        ({"lr": -1}, DataError, "lr must be at least 0 and finite, not -1"),
        ({"epochs": 0}, DataError, "epochs must be at least 1, not 0"),
        ({"batch_size": 0, "progress": True}, DataError, "batch_size must be at least 1, not 0"),
        ({"batch_size": 2.5}, DtypeError, "batch_size must be a whole number"),
    ],
)
def test_settings_that_make_no_sense_are_named(data, options, error, text):
    model = small()
    before = model.state_dict()
    with pytest.raises(error) as caught:
        train(data, model, **options)
    assert text in str(caught.value).splitlines()[0]
    np.testing.assert_array_equal(model.layer1.weight.data, before["layer1.weight"])


def test_lr_beside_an_optimizer_is_refused(data):
    model = small()
    optimizer = tg.optim.SGD(model.parameters(), lr=1.0)
    with pytest.raises(DataError, match="the optimizer has its own lr"):
        fit(model, *data, optimizer=optimizer, lr=0.5)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda x, y: (x, y[:-1]), ShapeError, "train: as many labels as samples are needed"),
        (lambda x, y: (x, np.eye(10)[y]), ShapeError, "train: as many labels as samples are needed"),
        (lambda x, y: (x[:0], y[:0]), DataError, "train: there are no samples"),
        (lambda x, y: (x, y + 1), DataError, "label out of range"),
        (lambda x, y: (x, y + 0.5), DtypeError, "labels must be integers"),
        (lambda x, y: (x[:, :60], y), ShapeError, "layer1 expects (…, 64), got (1, 60)"),
    ],
)
def test_data_that_does_not_fit_is_named(data, change, error, text):
    images, labels = data[0]
    with pytest.raises(error) as caught:
        fit(small(), change(images, labels), data[1], lr=1.0, progress=False)
    assert text in str(caught.value).splitlines()[0]


def test_a_wrong_label_with_cross_entropy_is_named_too(data):
    images, labels = data[0]
    with pytest.raises(IndexingError, match=r"cross_entropy: target\[\d+\] is 10, and the classes are 0 … 9"):
        fit(small(), (images, labels + 1), data[1], loss="cross_entropy", lr=1.0, progress=False)
