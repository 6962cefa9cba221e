"""Recurrent cells against their formulas unit by unit, layers against a loop over layers, directions and places."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.witness import assert_derivatives
from tinygrad_edu import nn
from tinygrad_edu.errors import DataError, DtypeError, ShapeError
from tinygrad_edu.reverse import recorded_nodes

RNG = np.random.default_rng(0)
LAYERS = {"RNN": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def step(cell, x, state):
    """One step of one sample, unit by unit; a state is (h, c), c without meaning but in an LSTM."""
    h, c = state
    n = len(h)
    arrays = [np.zeros(len(h) * cell.gates) if p is None else p.data for p in (cell.bias_ih, cell.bias_hh)]

    def of_x(unit):
        return sum(x[i] * cell.weight_ih.data[i, unit] for i in range(len(x))) + arrays[0][unit]

    def of_h(unit):
        return sum(h[i] * cell.weight_hh.data[i, unit] for i in range(n)) + arrays[1][unit]

    def z(unit):
        return of_x(unit) + of_h(unit)

    new_h, new_c = [], []
    for k in range(n):
        if isinstance(cell, nn.RNNCell):
            new_h.append(math.tanh(z(k)) if cell.nonlinearity == "tanh" else max(z(k), 0))
            new_c.append(0.0)
        elif isinstance(cell, nn.LSTMCell):
            i, f, g, o = (z(gate * n + k) for gate in range(4))
            new_c.append(sigmoid(f) * c[k] + sigmoid(i) * math.tanh(g))
            new_h.append(sigmoid(o) * math.tanh(new_c[-1]))
        else:
            r, u = sigmoid(z(k)), sigmoid(z(n + k))
            proposal = math.tanh(of_x(2 * n + k) + r * of_h(2 * n + k))
            new_h.append((1 - u) * proposal + u * h[k])
            new_c.append(0.0)
    return np.array(new_h), np.array(new_c)


def walk(layer, x, starts):
    """Outputs and last states for one sequence (places, inputs)."""
    ways, ends = 1 + layer.bidirectional, []
    for place in range(0, len(layer.cells), ways):
        found = []
        for way in range(ways):
            state, outputs = starts[place + way], []
            for row in x[::-1] if way else x:
                state = step(layer.cells[place + way], row, state)
                outputs.append(state[0])
            found.append(outputs[::-1] if way else outputs)
            ends.append(state)
        x = np.concatenate(found, axis=1)
    return x, ends


def parts(state):
    return list(state) if isinstance(state, tuple) else [state]


@given(
    kind=st.sampled_from(list(LAYERS)), inputs=st.integers(1, 3), hidden=st.integers(1, 3), layers=st.integers(1, 3),
    bias=st.booleans(), batch_first=st.booleans(), both_ways=st.booleans(), given_state=st.booleans(),
    single=st.booleans(), relu=st.booleans(),
)  # fmt: skip
def test_a_layer_is_its_cells_walked_along_each_sequence(
    kind, inputs, hidden, layers, bias, batch_first, both_ways, given_state, single, relu
):
    more = {"nonlinearity": "relu"} if relu and kind == "RNN" else {}
    layer = LAYERS[kind](inputs, hidden, layers, bias=bias, batch_first=batch_first, bidirectional=both_ways, rng=1,
                         **more)  # fmt: skip
    count, places, rows = 1 if single else 2, 3, layers * (1 + both_ways)
    x = RNG.normal(size=(count, places, inputs))
    h, c = RNG.normal(size=(2, rows, count, hidden)) if given_state else np.zeros((2, rows, count, hidden))
    h_given, c_given = (h[:, 0], c[:, 0]) if single else (h, c)
    state = ((h_given, c_given) if kind == "LSTM" else h_given) if given_state else None
    output, last = layer(x[0] if single else x if batch_first else x.swapaxes(0, 1), state)
    output = output.detach().numpy()
    output = output[None] if single else output if batch_first else output.swapaxes(0, 1)
    for n in range(count):
        expected, ends = walk(layer, x[n], list(zip(h[:, n], c[:, n])))
        np.testing.assert_allclose(output[n], expected, rtol=1e-10, atol=1e-12)
        for which, part in enumerate(parts(last)):
            found = part.detach().numpy() if single else part.detach().numpy()[:, n]
            np.testing.assert_allclose(found, np.array([end[which] for end in ends]), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", LAYERS)
def test_gradients_go_back_through_time_to_input_state_and_parameters(kind):
    layer = LAYERS[kind](2, 3, 2, bidirectional=True, rng=1)
    x, h = RNG.normal(size=(2, 3, 2)), RNG.normal(size=(4, 2, 3))

    def run(x, h):
        output, last = layer(x, (h, 0.5 * h) if kind == "LSTM" else h)
        return [output, *parts(last)]

    assert_derivatives(run, x, h, plain=lambda x, h: [y.detach().numpy() for y in run(x, h)])
    sum((y * y).sum() for y in run(x, h)).backward()
    for p in layer.parameters():
        direction, slopes = RNG.normal(size=p.shape), []
        for side in (1e-6, -1e-6):
            p.data += side * direction
            slopes.append(sum((y * y).sum() for y in run(x, h)).item())
            p.data -= side * direction
        expected = (slopes[0] - slopes[1]) / 2e-6
        np.testing.assert_allclose((p.grad.numpy() * direction).sum(), expected, rtol=1e-5, atol=1e-7)


@given(
    kind=st.sampled_from(list(LAYERS)), layers=st.integers(1, 2), batch_first=st.booleans(), both_ways=st.booleans(),
    lengths=st.lists(st.integers(1, 4), min_size=1, max_size=3), given_state=st.booleans(),
)  # fmt: skip
def test_with_lengths_each_sequence_is_walked_as_if_it_were_alone(
    kind, layers, batch_first, both_ways, lengths, given_state
):
    layer = LAYERS[kind](2, 3, layers, batch_first=batch_first, bidirectional=both_ways, rng=1)
    count = len(lengths)
    x, h = RNG.normal(size=(count, 4, 2)), RNG.normal(size=(len(layer.cells), count, 3))
    for n, length in enumerate(lengths):
        x[n, length:] = 1e3  # what is behind the end changes nothing

    def state(n=slice(None)):
        return None if not given_state else (h[:, n], h[:, n] / 2) if kind == "LSTM" else h[:, n]

    tensor = tg.Tensor(x if batch_first else x.swapaxes(0, 1), requires_grad=True)
    output, last = layer(tensor, state(), lengths=lengths)
    (output * output).sum().backward()
    numbers, slopes = (a if batch_first else a.swapaxes(0, 1) for a in (output.detach().numpy(), tensor.grad.numpy()))
    for n, length in enumerate(lengths):
        alone = tg.Tensor(x[n, :length], requires_grad=True)
        expected, end = layer(alone, state(n))
        (expected * expected).sum().backward()
        np.testing.assert_allclose(numbers[n, :length], expected.detach().numpy(), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(slopes[n, :length], alone.grad.numpy(), rtol=1e-10, atol=1e-12)
        assert not numbers[n, length:].any()
        assert not slopes[n, length:].any()
        for found, right in zip(parts(last), parts(end), strict=True):
            np.testing.assert_allclose(found.detach().numpy()[:, n], right.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_settings_labels_and_the_bounds_of_the_first_weights(kind, dtype):
    layer = LAYERS[kind](5, 4, num_layers=2, bidirectional=True, dtype=dtype)
    x = tg.Tensor(RNG.normal(size=(2, 3, 5)).astype(dtype), requires_grad=True)
    output, last = layer(x)
    output.sum().backward()
    assert {output.dtype, x.grad.dtype, *(part.dtype for part in parts(last))} == {np.dtype(dtype)}
    assert {p.grad.dtype for p in layer.parameters()} == {np.dtype(dtype)}
    drawn = np.concatenate([np.abs(p.data).ravel() for p in layer.parameters()])
    assert 0.45 < drawn.max() <= 0.5  # 1 / √4
    gates = {"RNN": 1, "LSTM": 4, "GRU": 3}[kind]
    assert sum(p.size for p in layer.parameters()) == 2 * gates * 4 * ((5 + 4 + 2) + (8 + 4 + 2))
    assert layer._label() == f"{kind}(5 → 4, 2 layers, there and back)"
    assert layer.cells[0]._label() == f"{kind}Cell(5 → 4)"
    assert layer.settings()["hidden_size"] == 4


@pytest.mark.parametrize("kind", LAYERS)
def test_hooks_see_each_call_of_a_cell_and_change_no_number(kind):
    layer, x, seen = LAYERS[kind](2, 3, bidirectional=True, rng=1), RNG.normal(size=(2, 4, 2)), []
    expected = layer(x)[0].detach().numpy()
    handle = layer.cells[1].register_forward_hook(lambda cell, args, output: seen.append(args[0].numpy()))
    np.testing.assert_allclose(layer(x)[0].detach().numpy(), expected, rtol=1e-12)
    np.testing.assert_array_equal(seen, x.swapaxes(0, 1)[::-1])
    handle.remove()


def test_each_step_is_a_box_of_its_own_in_a_picture():
    layer = nn.LSTM(2, 3)
    output, _ = layer(np.ones((5, 4, 2)))
    boxes = [scope.label() for scope in {node.scope for node in recorded_nodes([output._node])[0]}]
    assert boxes.count("LSTMCell(2 → 3)") == 4


def test_numbers_between_layers_are_dropped_in_training_only():
    layer, x = nn.GRU(2, 8, num_layers=2, dropout=0.5, rng=3), RNG.normal(size=(1, 3, 2))
    first, second = layer(x)[0].detach().numpy(), layer(x)[0].detach().numpy()
    assert not np.array_equal(first, second)
    layer.eval()
    np.testing.assert_array_equal(layer(x)[0].detach().numpy(), layer(x)[0].detach().numpy())
    alone = nn.GRU(2, 8, dropout=0.5, rng=3)
    np.testing.assert_array_equal(alone(x)[0].detach().numpy(), alone(x)[0].detach().numpy())


@pytest.mark.parametrize("kind", LAYERS)
def test_per_sample_gradients_are_those_of_each_sequence_alone(kind):
    layer = LAYERS[kind](2, 3, rng=1)
    batch = RNG.normal(size=(4, 5, 2))

    def loss(layer, x):
        return (layer(x)[0] ** 2).sum()

    found = tg.per_sample_grad(loss, layer, batch)
    for place, x in enumerate(batch):
        for p in layer.parameters():
            p.grad = None
        loss(layer, x).backward()
        for path, p in layer.named_parameters():
            np.testing.assert_allclose(found[path].numpy()[place], p.grad.numpy(), rtol=1e-10)


def test_an_lstm_learns_to_remember_the_first_number():
    rng = np.random.default_rng(0)
    layer, head = nn.LSTM(1, 8, rng=rng), nn.Linear(8, 1, rng=rng)
    optimizer = tg.optim.Adam([*layer.parameters(), *head.parameters()], lr=0.03)
    for _ in range(120):
        x = rng.choice([-1.0, 1.0], size=(16, 8, 1))
        optimizer.zero_grad()
        loss = tg.functional.mse_loss(head(layer(x)[0][:, -1]), x[:, 0])
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: nn.RNN(3, 4)(x), ShapeError, r"RNN\(3 → 4\) expects \(n, places, 3\), or \(places, 3\) for one"),
        (lambda x: nn.GRU(3, 4, batch_first=False)(x), ShapeError, r"expects \(places, n, 3\)"),
        (lambda x: nn.RNN(2, 4)(x[0, 0]), ShapeError, r"got \(2,\)"),
        (lambda x: nn.LSTMCell(3, 4)(x), ShapeError, r"LSTMCell\(3 → 4\) expects \(…, 3\)"),
        (lambda x: nn.RNNCell(2, 4)(x[0], np.zeros(4)), ShapeError, r"the state must have shape \(6, 4\)"),
        (lambda x: nn.GRU(2, 4)(x, np.zeros((5, 4))), ShapeError, r"the state must have shape \(1, 5, 4\)"),
        (lambda x: nn.LSTM(2, 4)(x, np.zeros((1, 5, 4))), DtypeError, r"a state is a pair \(h, c\), not ndarray"),
        (lambda x: nn.LSTM(2, 4)(x[:, :0]), ShapeError, "a sequence without places"),
        (lambda x: nn.RNN(2, 4, nonlinearity="sin"), DataError, "no nonlinearity is called 'sin'"),
        (lambda x: nn.GRU(2, 4)(x, lengths=[1, 2]), ShapeError, r"lengths must be whole numbers, one per sequence"),
        (lambda x: nn.GRU(2, 4)(x, lengths=[1.0] * 5), ShapeError, r"lengths must be whole numbers"),
        (lambda x: nn.LSTM(2, 4)(x, lengths=[1, 7, 1, 1, 1]), DataError, r"lengths must be from 1 to 6, the places"),
        (lambda x: nn.LSTM(2, 4)(x, lengths=[1, 0, 1, 1, 1]), DataError, r"lengths must be from 1 to 6"),
        (lambda x: nn.RNN(2, 0), DataError, "hidden_size must be at least 1, not 0"),
        (lambda x: nn.GRU(2, 3, dropout=2), DataError, "dropout must be from 0 to 1, not 2"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(call, error, text):
    with pytest.raises(error, match=text) as caught:
        call(np.ones((5, 6, 2)))
    assert "test_recurrent.py:" in str(caught.value)
    assert caught.value.code
