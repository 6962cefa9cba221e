"""vmap around, inside and beside the other transforms: each against a loop over the samples."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Tensor
from tinygrad_edu.errors import DtypeError, ShapeError

RNG = np.random.default_rng(0)
ROWS, MORE, W = RNG.normal(size=(4, 3)), RNG.normal(size=(2, 3)), RNG.normal(size=3)


def f(x):
    return (tg.sin(x) * x**2).sum() * x[0]


def loop(function, batch):
    return np.stack([np.asarray(tg.stop_gradient(function(Tensor(row)))) for row in batch])


DERIVATIVES = {
    "grad": lambda x: tg.grad(f)(x),
    "grad of grad": lambda x: tg.grad(lambda y: (tg.grad(f)(y) * W).sum())(x),
    "value_and_grad": lambda x: tg.value_and_grad(f)(x)[1] + tg.value_and_grad(f)(x)[0],
    "vjp": lambda x: tg.vjp(lambda y: y * y[::-1], x)[1](x * 2)[0],
    "jvp": lambda x: tg.jvp(f, (x,), (x * 3,))[1],
    "jvp with one tangent for all": lambda x: tg.jvp(f, (x,), (W,))[1],
    "linearize": lambda x: tg.linearize(f, x)[1](W),
    "jacobian, forward": lambda x: tg.jacobian(lambda y: y * y[::-1], mode="forward")(x),
    "jacobian, reverse": lambda x: tg.jacobian(lambda y: y * y[::-1], mode="reverse")(x),
    "hessian": lambda x: tg.hessian(f)(x),
    "hvp": lambda x: tg.hvp(f, x, W),
    "of what all samples share": lambda x: tg.grad(lambda w: f(w * x))(W),
    "of a number that all share": lambda x: tg.grad(lambda a: f(a * x))(2.0),
    "checkpoint": lambda x: tg.grad(tg.checkpoint(f))(x),
    "stop_gradient": lambda x: tg.grad(lambda y: f(y * tg.stop_gradient(y)))(x),
    "closed over": lambda x: tg.grad(lambda a: (tg.grad(lambda y: f(y * a))(x) * W).sum())(x[0]),
    "independent": lambda x: tg.grad(lambda w: f(x))(W),
    "custom op": lambda x: tg.grad(lambda y: cube(y).sum() * y[0])(x),
}


def cube(x):
    """An op of a user's, made inside the test: one made here would stay in the table for all tests."""
    return tg.custom_op("cube_of_a_sample", lambda x: x**3, vjps=lambda g, out, x: g * 3 * x**2)(x)


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives_inside_vmap_are_each_samples_own(name):
    found = tg.vmap(DERIVATIVES[name])(ROWS)
    assert type(found) is Tensor
    assert not found.requires_grad
    np.testing.assert_allclose(found.numpy(), loop(DERIVATIVES[name], ROWS), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", DERIVATIVES)
def test_gradients_flow_through_derivatives_inside_vmap(name):
    mapped = tg.grad(lambda b: (tg.vmap(DERIVATIVES[name])(b) ** 2).sum())(ROWS)
    looped = [tg.grad(lambda x: (DERIVATIVES[name](x) ** 2).sum())(row).numpy() for row in ROWS]
    np.testing.assert_allclose(mapped.numpy(), looped, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_vmap_inside_vmap(count):
    more = MORE[:count]

    def inner(x):
        return tg.vmap(lambda y: f(x * y) * x[0] + y.sum())(more)

    expected = np.array([[f(Tensor(x * y)).item() * x[0] + y.sum() for y in more] for x in ROWS]).reshape(4, count)
    np.testing.assert_allclose(tg.vmap(inner)(ROWS).numpy(), expected, rtol=1e-12)
    table = np.einsum("ik,jk->ijk", ROWS, more)
    np.testing.assert_allclose(
        tg.vmap(tg.vmap(f))(table).numpy(),
        np.array([[f(Tensor(x * y)).item() for y in more] for x in ROWS]).reshape(4, count),
        rtol=1e-12,
    )


def test_what_the_inner_vmap_does_not_split_is_repeated_for_its_samples():
    found = tg.vmap(lambda x: tg.vmap(lambda y: x)(MORE) + tg.vmap(lambda y, z: y * z, (0, None))(MORE, x))(ROWS)
    np.testing.assert_allclose(found.numpy(), ROWS[:, None] + MORE * ROWS[:, None], rtol=1e-15)
    assert tg.vmap(lambda x: tg.vmap(lambda y: 1.0)(MORE))(ROWS).shape == (4, 2)


def test_per_sample_gradients_used_to_be_constants_for_a_gradient_around_them():
    def total(a, w):
        return (tg.per_sample_grad(lambda w, x: a * f(w * x), w, ROWS) ** 2).sum()

    def looped(a, w):
        return sum((tg.grad(lambda w, x=x: a * f(w * x))(w) ** 2).sum() for x in ROWS)

    for found, expected in zip(tg.grad(total, (0, 1))(2.0, W), tg.grad(looped, (0, 1))(2.0, W)):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-10)
    leaf = Tensor(W, requires_grad=True)
    assert tg.per_sample_grad(lambda w, x: f(w * x), leaf, ROWS).requires_grad
    assert leaf.grad is None


@pytest.mark.parametrize("write", [lambda x: x.__iadd__(100.0), lambda x: x.__setitem__(0, 9.0), lambda x: x.fill(7.0)])
def test_a_batch_written_after_vmap_used_to_change_what_the_graph_had_saved(write):
    batch, w = Tensor(ROWS), Tensor(W, requires_grad=True)
    result = tg.vmap(lambda x: x * w)(batch)
    write(batch)
    result.sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), ROWS.sum(0))


def test_a_result_that_is_its_argument_is_written_without_it():
    batch = Tensor(ROWS)
    for g in (lambda x: x, lambda x: x[1:], lambda x: x.reshape(-1)):
        result = tg.vmap(g)(batch)
        result += 1
        batch_before = batch.numpy().copy()
        result[...] = 5.0
        np.testing.assert_array_equal(batch.numpy(), batch_before)
    np.testing.assert_array_equal(batch.numpy(), ROWS)


def test_writes_in_place_inside_vmap_make_new_values_of_each_sample():
    def g(x):
        x *= 2
        x[0] += 1.0
        np.add(x, 1.0, out=x)
        x -= W
        return x * x

    expected = 2 * ROWS
    expected[:, 0] += 1
    expected += 1 - W
    for batch in (ROWS.copy(), Tensor(ROWS), Tensor(ROWS, requires_grad=True)):
        np.testing.assert_allclose(tg.stop_gradient(tg.vmap(g)(batch)).numpy(), expected**2, rtol=1e-13)
        np.testing.assert_array_equal(np.asarray(tg.stop_gradient(batch)), ROWS)


@pytest.mark.parametrize("tracked", [False, True])
def test_a_value_of_each_sample_can_not_be_written_into_what_all_share(tracked):
    def into(write):
        def g(x):
            shared = Tensor(np.zeros(3), requires_grad=tracked) * 1
            write(shared, x)
            return shared

        return g

    writes = [
        lambda c, x: c.__iadd__(x),
        lambda c, x: c.__setitem__(0, x[0]),
        lambda c, x: c.__setitem__(x.astype(int) % 3, 1.0),
        lambda c, x: np.add(x, 1, out=c),
        lambda c, x: np.add(x, 1, out=np.zeros(3)),
    ]
    for write in writes:
        for batch in (ROWS, ROWS[:1]):
            with pytest.raises(DtypeError, match="every sample has its own value, and what is written is one for all"):
                tg.vmap(into(write))(batch)


@pytest.mark.parametrize(
    "use",
    [
        lambda x: x.sum().backward(),
        lambda x: x.register_hook(print),
        lambda x: x.retain_grad(),
        lambda x: Tensor(x),
        lambda x: 1.0 in x,
    ],
)
def test_what_would_mix_the_samples_is_refused(use):
    with pytest.raises(DtypeError, match="inside vmap"):
        tg.vmap(lambda x: use(x * 2))(Tensor(ROWS, requires_grad=True))


def test_a_value_that_left_its_vmap_meets_no_other_samples():
    left = []
    tg.vmap(lambda x: left.append(x) or x)(ROWS[:3])
    with pytest.raises(ShapeError, match="comes from another vmap"):
        tg.vmap(lambda x: x + left[0])(ROWS)
