"""SEMANTICS, the parts on NumPy, shapes, numbers that are not numbers, randomness and files."""

import operator
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Tensor
from tinygrad_edu.errors import DataError, NonFiniteError, ShapeError, TinygradWarning


def leaf(value, **options):
    return Tensor(value, requires_grad=True, **options)


# --- NumPy ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [np.exp, lambda t: np.concatenate([t, np.ones(2)]), lambda t: np.ones(2) * t, lambda t: np.ones((3, 2)) @ t],
    ids=["ufunc", "function", "operator", "@"],
)
def test_numpys_functions_and_operators_give_differentiable_tensors(call):
    t = leaf([1.0, 2.0])
    result = call(t)
    assert isinstance(result, Tensor)
    result.sum().backward()
    assert t.grad.shape == (2,)


def test_a_numpy_function_without_a_rule_names_the_nearest_supported_one():
    with pytest.raises(TypeError, match=r"near: +np\.") as caught:
        np.fft.fft(leaf([1.0, 2.0]))
    assert "np.fft.fft has no derivative rule" in str(caught.value)


def test_plain_arrays_are_read_only_views_and_tracked_tensors_show_detach():
    plain = Tensor([1.0, 2.0])
    for array in (np.asarray(plain), plain.numpy()):
        assert np.shares_memory(array, plain._data)
        assert not array.flags.writeable
    for convert in (np.asarray, Tensor.numpy):
        with pytest.raises(TypeError, match=r"\.detach\(\)"):
            convert(leaf([1.0]))


def test_float_and_item_work_for_one_element_even_if_it_requires_grad():
    assert float(leaf([[2.5]])) == leaf(2.5).item() == 2.5


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1), (-1, 0), ()])
@pytest.mark.parametrize("shape", [(2, 3), (0, 3), (1, 1)])
def test_shapes_axes_and_keepdims_are_numpys(shape, axis):
    array = np.arange(float(np.prod(shape))).reshape(shape)
    for keepdims in (False, True):
        found, expected = tg.sum(array, axis=axis, keepdims=keepdims), np.sum(array, axis=axis, keepdims=keepdims)
        assert isinstance(found, Tensor)
        assert found.shape == expected.shape
        np.testing.assert_array_equal(found.numpy(), expected)


def test_var_and_std_have_ddof_zero_and_max_over_an_axis_gives_values():
    array = np.array([[1.0, 2.0], [5.0, 3.0]])
    assert (tg.var(array).item(), tg.std(array).item()) == (np.var(array), np.std(array))
    assert tg.var(array, ddof=1).item() == np.var(array, ddof=1)
    assert Tensor(array).max(axis=1).tolist() == [2.0, 5.0]


def test_the_truth_of_several_elements_raises_equality_is_elementwise_and_hashing_by_identity():
    x, y = Tensor([1.0, 2.0]), Tensor([1.0, 3.0])
    with pytest.raises(ValueError, match="ambiguous"):
        bool(x)
    assert (x == y).tolist() == [True, False]
    assert len({x, y, x}) == 2
    assert operator.index(Tensor(3)) == 3


# --- shapes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loss", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy_with_logits"]
)
def test_losses_refuse_unequal_shapes(loss):
    with pytest.raises(ShapeError, match="same shape"):
        getattr(tg.functional, loss)(np.full((4, 1), 0.5), np.full(4, 0.5))


def test_arithmetic_where_both_operands_grow_warns_once_and_strictly_is_an_error():
    column, row = Tensor(np.ones((3, 1)), requires_grad=True), np.ones(3)

    def train():
        for _ in range(2):
            ((column - row) ** 2).sum().backward()

    with pytest.warns(TinygradWarning, match="stretched both operands") as caught:
        train()
    assert len(caught) == 1
    with tg.strict_broadcasting(), pytest.raises(ShapeError, match="would stretch every operand"):
        column - row


# --- numbers that are not numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "value", "text"),
    [
        (lambda x: tg.log(x), 0.0, "forward: log made -Inf"),
        (lambda x: tg.log(x), -1.0, "forward: log made NaN"),
        (lambda x: tg.sqrt(x), 0.0, "backward: the rule of sqrt made Inf"),
        (lambda x: tg.where(x > 0, tg.sqrt(x), 0.0), 0.0, "backward: the rule of sqrt made NaN"),
    ],
)
def test_detect_anomaly_reports_the_birthplace_forward_and_backward(f, value, text):
    x = leaf([1.0, value], name="x")
    with tg.detect_anomaly(), pytest.raises(NonFiniteError, match=text) as caught:
        (f(x * 1.0) * 2).sum().backward()
    message = str(caught.value)
    assert "index (1,)" in message  # its index
    assert f"= {value}" in message  # its operand
    assert "test_numpy_and_more.py:" in message  # its line


# --- randomness, files ---------------------------------------------------------------------------------------


def test_every_random_draw_takes_a_generator_or_a_seed_and_gives_the_same_bits():
    draws = (
        lambda rng: tg.random.normal(rng, (3,)).tolist(),
        lambda rng: tg.random.uniform(rng, (3,)).tolist(),
        lambda rng: tg.nn.MLP([2, 2], rng=rng).layer1.weight.tolist(),
    )
    for draw in draws:
        assert draw(7) == draw(7) == draw(np.random.default_rng(7))
        assert draw(7) != draw(8)
    drop = lambda: tg.functional.dropout(np.ones(50), rng=np.random.default_rng(1)).tolist()
    assert drop() == drop()


def test_loading_refuses_what_does_not_fit_and_leaves_the_model_as_it_was():
    model = tg.nn.MLP([2, 3, 1])
    before = {name: array.copy() for name, array in model.state_dict().items()}
    bad = model.state_dict() | {"layer2.weight": np.ones((5, 1))}
    with pytest.raises(ShapeError, match=r"layer2\.weight: the state has shape \(5, 1\), the model \(3, 1\)"):
        model.load_state_dict(bad)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_files_hold_no_pickles(tmp_path):
    path = tmp_path / "model.npz"
    np.savez(path, weight=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError):
        tg.nn.load(path)


def test_an_interrupted_save_never_destroys_the_last_good_file(tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    tg.nn.MLP([2, 1]).save(path)
    good = path.read_bytes()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupted)
    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tg.nn.MLP([3, 1]).save(path)
    assert path.read_bytes() == good
    assert [file.name for file in tmp_path.iterdir()] == ["model.npz"]
