"""Networks as a whole: the notes' 13,002 parameters, gradients against differences, steps by hand, files, memory."""

import gc
import tracemalloc

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DataError, ShapeError


def small(dtype=np.float64):
    rng = np.random.default_rng(0)
    model = tg.nn.MLP([5, 4, 3], activation="sigmoid", rng=1, dtype=dtype)
    return model, rng.random((6, 5)).astype(dtype), np.eye(3)[rng.integers(0, 3, 6)].astype(dtype)


def test_the_notes_network_has_13002_parameters_and_says_so():
    model = tg.nn.MLP([784, 16, 16, 10], activation="sigmoid")
    assert sum(p.size for p in model.parameters()) == 13_002
    assert "13,002 parameters" in repr(model)


def test_backprop_is_the_four_equations():
    model, x, y = small()
    loss = tg.functional.mse_loss(model(x), y, reduction="batchmean")
    loss.backward()
    w1, b1, w2, b2 = (p.detach().numpy() for p in model.parameters())
    a1 = 1 / (1 + np.exp(-(x @ w1 + b1)))
    a2 = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    delta2 = 2 * (a2 - y) / len(x) * a2 * (1 - a2)
    delta1 = delta2 @ w2.T * a1 * (1 - a1)
    expected = [x.T @ delta1, delta1.sum(axis=0), a1.T @ delta2, delta2.sum(axis=0)]
    assert loss.item() == pytest.approx(((a2 - y) ** 2).sum() / len(x), rel=1e-14)
    for parameter, by_hand in zip(model.parameters(), expected, strict=True):
        np.testing.assert_allclose(parameter.grad.numpy(), by_hand, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_gradients_of_all_parameters_are_what_central_differences_say(loss):
    model, x, y = small()
    compute = {
        "mse": lambda: tg.functional.mse_loss(model(x), y),
        "cross_entropy": lambda: tg.functional.cross_entropy(model(x), y.argmax(axis=1)),
    }[loss]
    compute().backward()
    for parameter in model.parameters():
        analytic, h = parameter.grad.numpy(), 1e-6
        for place in np.ndindex(parameter.shape):
            before = parameter.data[place]
            values = []
            for side in (h, -h):
                parameter.data[place] = before + side
                values.append(compute().item())
            parameter.data[place] = before
            assert analytic[place] == pytest.approx((values[0] - values[1]) / (2 * h), rel=1e-6, abs=1e-9)


def test_sgd_with_momentum_and_decay_is_the_formula():
    model, x, y = small()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.3, momentum=0.9, weight_decay=0.01)
    values = [p.detach().numpy().copy() for p in model.parameters()]
    velocity = [np.zeros_like(v) for v in values]
    for _ in range(5):
        optimizer.zero_grad()
        tg.functional.mse_loss(model(x), y).backward()
        for place, parameter in enumerate(model.parameters()):
            g = parameter.grad.numpy() + 0.01 * values[place]
            velocity[place] = 0.9 * velocity[place] + g
            values[place] = values[place] - 0.3 * velocity[place]
        optimizer.step()
        for parameter, value in zip(model.parameters(), values, strict=True):
            np.testing.assert_allclose(parameter.detach().numpy(), value, rtol=1e-12, atol=1e-15)


def test_adam_is_the_paper_s_algorithm():
    p = tg.Tensor([1.0, -2.0], requires_grad=True)
    optimizer = tg.optim.Adam([p], lr=0.1)
    value, m, v = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2)
    for t in range(1, 8):
        optimizer.zero_grad()
        (p**4).sum().backward()
        g = 4 * value**3
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        value = value - 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        optimizer.step()
        np.testing.assert_allclose(p.detach().numpy(), value, rtol=1e-12)


def test_float32_stays_float32_through_a_training_step():
    model, x, y = small(np.float32)
    for optimizer in (tg.optim.SGD(model.parameters(), lr=0.1, momentum=0.5), tg.optim.Adam(model.parameters())):
        optimizer.zero_grad()
        loss = tg.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        assert loss.dtype == np.float32
        assert {p.dtype for p in model.parameters()} == {p.grad.dtype for p in model.parameters()} == {np.dtype("f4")}


def test_a_model_survives_its_file(tmp_path):
    model, x, _ = small(np.float32)
    model.save(tmp_path / "m.npz")
    again = tg.nn.load(tmp_path / "m.npz")
    np.testing.assert_array_equal(again(x).detach().numpy(), model(x).detach().numpy())
    assert repr(again) == repr(model)


def test_a_state_that_does_not_fit_changes_nothing():
    model, _, _ = small()
    before = model.state_dict()
    state = model.state_dict()
    state["layer1.weight"] = state["layer1.weight"] + 1
    state["layer2.bias"] = np.zeros(7)
    with pytest.raises(ShapeError, match=r"layer2\.bias"):
        model.load_state_dict(state)
    del state["layer2.bias"]
    with pytest.raises(DataError, match=r"layer2\.bias"):
        model.load_state_dict(state)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_a_misfit_names_the_layer_and_both_shapes():
    model, _, _ = small()
    with pytest.raises(ShapeError, match=r"layer1.*5.*\(6, 7\)"):
        model(np.ones((6, 7)))


def test_losses_refuse_unequal_shapes():
    with pytest.raises(ShapeError, match="prediction and target must have the same shape"):
        tg.functional.mse_loss(tg.zeros((4, 1)), np.zeros(4))


def test_a_wrong_label_is_named_with_its_place():
    with pytest.raises(IndexError, match=r"target\[1\] is 10, and the classes are 0 … 9"):
        tg.functional.cross_entropy(tg.zeros((3, 10)), np.array([0, 10, 2]))


def test_training_leaves_no_garbage_without_the_collector():
    model, x, y = small()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

    def steps(count):
        for _ in range(count):
            optimizer.zero_grad()
            tg.functional.mse_loss(model(x), y).backward()
            optimizer.step()

    gc.collect()
    gc.disable()
    try:
        steps(3000)  # CPython keeps up to 2,000 freed tuples for later use; tracemalloc counts them
        tracemalloc.start()
        steps(10)
        after_ten = tracemalloc.get_traced_memory()[0]
        steps(1000)
        after_thousand = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        gc.enable()
    assert after_thousand - after_ten < 2000
