"""einsum against NumPy's own loop; gradients by linearity, which is exact: f(…, dx, …) is the derivative along dx."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.witness import assert_derivatives
from tinygrad_edu.compositions.einsum import einsum, einsum_path
from tinygrad_edu.errors import ShapeError
from tinygrad_edu.ops.einsum import einsum_pair

CASES = [
    ("ii->i", (3, 3)), ("ii", (3, 3)), ("ii,i->i", (3, 3), (3,)), ("ij,jk", (2, 3), (3, 4)), ("ji", (2, 3)),
    ("...ij,...jk", (2, 2, 3), (5, 1, 3, 4)), ("i,i->i", (1,), (3,)), ("ij,j->i", (2, 1), (3,)), ("", ()),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 5)), ("ij,ij->", (2, 3), (2, 3)), ("i,i,i->", (3,), (3,), (3,)),
    ("iij,jk->ki", (2, 2, 3), (3, 4)), ("ij,kj->", (2, 3), (4, 3)), ("ij,k->", (2, 3), (4,)), (",i", (), (3,)),
    ("bi,bi->b", (4, 3), (4, 3)), ("...,...", (2, 3), (3,)), ("i...->...", (3, 2)), ("ij,ij->ij", (1, 3), (2, 1)),
    ("ij,jk,kl->il", (0, 3), (3, 0), (0, 2)), ("ij,jk->ik", (0, 3), (3, 0)), ("...->...", (2, 3)),
    ("bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 5, 2, 4)), ("iji,jkk,k->ik", (2, 3, 2), (3, 4, 4), (4,)),
    ("aab,...b,c...->...a", (2, 2, 3), (4, 3), (2, 4)), ("i j , j k -> k i", (2, 3), (3, 4)),
    ("ab,bc,cd,de,ea->", (2, 3), (3, 2), (2, 3), (3, 2), (2, 2)), ("ij,jb,bk->ikb", (2, 3), (3, 4), (4, 2)),
]  # fmt: skip


def numbers(seed, *shape):
    return np.asarray(np.random.default_rng(seed).normal(size=shape))


def assert_like_numpy(subscripts, arrays, **options):
    """Value, first and second derivatives, by NumPy's einsum with one argument replaced by a direction."""
    expected = np.einsum(subscripts, *arrays)
    tensors = [tg.Tensor(a, requires_grad=True) for a in arrays]
    out = np.einsum(subscripts, *tensors, **options)
    assert out.shape == expected.shape
    np.testing.assert_allclose(out.detach().numpy(), expected, rtol=1e-11, atol=1e-11)
    g = numbers(9, *expected.shape)
    found = tg.gradients(out, tensors, g, create_graph=True)

    def along(**directions):
        return (np.einsum(subscripts, *(directions.get(f"x{i}", a) for i, a in enumerate(arrays))) * g).sum()

    for i, a in enumerate(arrays):
        d = numbers(20 + i, *a.shape)
        assert found[i].shape == a.shape
        slope = (found[i] * d).sum()
        np.testing.assert_allclose(slope.item(), along(**{f"x{i}": d}), rtol=1e-10, atol=1e-10)
        for j, b in enumerate(arrays):
            if j != i:
                e = numbers(40 + j, *b.shape)
                second = tg.gradients(slope, tensors[j])
                np.testing.assert_allclose(
                    (second.numpy() * e).sum(), along(**{f"x{i}": d, f"x{j}": e}), rtol=1e-9, atol=1e-9
                )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[1:]}")
def test_value_and_derivatives_of_every_form(case):
    subscripts, *shapes = case
    assert_like_numpy(subscripts, [numbers(i, *shape) for i, shape in enumerate(shapes)])


@st.composite
def calls(draw):
    """Random subscripts for up to four arrays: letters repeat within and between terms, sides of 1 and of 0 occur."""
    sides = {letter: draw(st.sampled_from([0, 1, 2, 2, 3, 3])) for letter in "abcde"}
    terms = draw(st.lists(st.text("abcde", max_size=3), min_size=1, max_size=4))
    shapes = []
    for term in terms:
        narrow = {letter: 1 if draw(st.integers(0, 9)) == 0 else side for letter, side in sides.items()}
        shapes.append(tuple(narrow[letter] for letter in term))
    subscripts = ",".join(terms)
    if draw(st.booleans()):
        used = sorted(set("".join(terms)))
        subscripts += "->" + "".join(draw(st.permutations(used))[: draw(st.integers(0, len(used)))])
    return subscripts, [numbers(i, *shape) for i, shape in enumerate(shapes)]


@given(calls())
def test_random_subscripts(call):
    assert_like_numpy(*call)


@pytest.mark.parametrize("layout", [lambda a: a[::-1], lambda a: a.T, lambda a: np.broadcast_to(a[:1], a.shape)])
def test_strides_of_any_kind(layout):
    a, b = layout(numbers(0, 3, 3)), layout(numbers(1, 3, 3))
    assert_like_numpy("ij,jk->ki", [a, b])
    assert_like_numpy("ijb,jkb->bik", [layout(numbers(2, 2, 2, 2)), layout(numbers(3, 2, 2, 2))])


# --- how it is computed --------------------------------------------------------------------------------------------


def ops_behind(tensor):
    found, stack = [], [tensor._node]
    while stack:
        node = stack.pop()
        if node.op is not None:
            found.append(node.op.name)
            stack.extend(node.inputs)
    return found


@pytest.mark.parametrize(
    "optimize", [False, True, "greedy", "optimal", ("greedy", 1000), ["einsum_path", (1, 2), (0, 1)]]
)
def test_n_arrays_are_n_minus_1_products_whatever_the_order(optimize):
    arrays = [numbers(i, *shape) for i, shape in enumerate([(2, 30), (30, 4), (4, 5)])]
    assert_like_numpy("ij,jk,kl->il", arrays, optimize=optimize)
    out = einsum("ij,jk,kl->il", *(tg.Tensor(a, requires_grad=True) for a in arrays), optimize=optimize)
    assert ops_behind(out) == ["einsum_pair", "einsum_pair"]


def test_path_that_einsum_path_gives_is_followed():
    a, b, c = numbers(0, 2, 3), numbers(1, 3, 4), numbers(2, 4)
    path, account = einsum_path("ij,jk,k->i", tg.Tensor(a), b, c)
    assert path == ["einsum_path", (1, 2), (0, 1)]
    assert "Optimized FLOP count" in account
    assert np.einsum_path("ij,jk,k->i", tg.Tensor(a), b, c)[0] == path
    np.testing.assert_allclose(einsum("ij,jk,k->i", a, b, c, optimize=path).numpy(), a @ b @ c)


def test_diagonal_and_transposition_are_views():
    x = tg.Tensor(numbers(0, 3, 3), requires_grad=True)
    for subscripts in ("ii->i", "ij->ji"):
        assert np.shares_memory(einsum(subscripts, x)._data, x._data)


def test_result_is_another_tensor_even_where_nothing_changes():
    x = tg.Tensor(numbers(0, 2))
    assert einsum("i->i", x) is not x


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("subscripts", "sides"),
    [
        ("i,j->ij", (300, 300)), ("i,j->ji", (300, 300)), ("i,j->ij", (700, 64)), ("i,j->ji", (700, 64)),
        ("i,j->ij", (4, 5000)), ("ij,i->ij", (70, 300)), ("ij,i->ji", (70, 300)), ("i,ij->ij", (300, 70)),
        ("bi,bj->bij", (5, 70, 64)), ("bi,bj->jbi", (3, 20, 300)), ("bi,bj->bji", (3, 20, 300)), (",i->i", (20000,)),
    ],
)  # fmt: skip
def test_large_products_without_a_sum_are_numpys_and_leave_its_buffer_as_it_was(subscripts, sides, dtype):
    terms = subscripts.split("->")[0].split(",")
    side = dict(zip("ij" if "b" not in subscripts else "bij", sides))
    arrays = [numbers(i, *(side[a] for a in term)).astype(dtype) for i, term in enumerate(terms)]
    before = np.getbufsize()
    for laid_out in (arrays, [a.T.copy().T for a in arrays], [a[..., ::-1] if a.ndim else a for a in arrays]):
        found = einsum_pair.run(*laid_out, subscripts=subscripts)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, np.einsum(subscripts, *laid_out), rtol=1e-6 if dtype == np.float32 else 1e-14)
    assert np.getbufsize() == before


def test_lists_of_labels():
    a, b = numbers(0, 2, 3), numbers(1, 3, 4)
    for call in (
        lambda f: f(a, [0, 1], b, [1, 2], [0, 2]),
        lambda f: f(a, [0, 1], b, [1, 2]),
        lambda f: f(a, [1, 0]),
        lambda f: f(a, [30, 1], b, [1, 2]),
        lambda f: f(a, [Ellipsis, 0], [0, Ellipsis]),
    ):
        np.testing.assert_allclose(call(einsum).numpy(), call(np.einsum), rtol=1e-12)
    t = tg.Tensor(a, requires_grad=True)
    assert np.einsum(t, [0, 1], b, [1, 2], [0, 2]).requires_grad


# --- dtypes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.bool_])
@pytest.mark.parametrize("case", [("ij,jk", 2), ("ii->i", 1), ("ij->", 1), ("ij,jk,kl->il", 3), ("ij,ij->ij", 2)])
def test_dtype_is_that_of_numpy(dtype, case):
    subscripts, count = case
    arrays = [np.arange(9).reshape(3, 3).astype(dtype) for _ in range(count)]
    expected = np.einsum(subscripts, *arrays)
    found = einsum(subscripts, *arrays)
    assert found.dtype == expected.dtype
    assert np.array_equal(found._data, expected)


def test_small_integers_with_floats_do_not_overflow_on_the_way():
    a, x = np.full(2, 100, np.int8), np.ones(2)
    assert einsum("i,j,k->", a, a, x).item() == np.einsum("i,j,k->", a, a, x) == 80_000


def test_float32_gradients_are_float32():
    tensors = [tg.Tensor(numbers(i, 3, 3).astype(np.float32), requires_grad=True) for i in range(3)]
    out = einsum("ij,jk,kk->i", *tensors)
    out.backward(np.ones(3, np.float32))
    assert {out.dtype, *(t.grad.dtype for t in tensors)} == {np.dtype(np.float32)}


# --- misuse --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subscripts", "shapes", "reason"),
    [
        ("ii", [(1, 3)], "the diagonal of 'i' in 'ii' has sides 1 and 3"),
        ("...i->i", [(2, 3)], "the output needs '...', as the inputs have it"),
        ("i->ii", [(3,)], "a letter is twice in the output 'ii'"),
        ("i->ij", [(3,)], "'j' is in the output but in no input"),
        ("i,j", [(3,)], "2 terms for 1 arrays"),
        ("i", [(3,), (3,)], "1 terms for 2 arrays"),
        ("i", [(2, 3)], "'i' has 1 letters for 2 axes"),
        ("ijk...", [(2, 3)], "'ijk...' has 3 letters for 2 axes"),
        ("i.j", [(2, 3)], "'.' in 'i.j' is neither a letter nor part of one '...'"),
        ("i1", [(2, 3)], "'1' in 'i1' is neither a letter nor part of one '...'"),
        ("...i...", [(2, 3)], "'.' in '...i...' is neither a letter nor part of one '...'"),
        ("ij->->i", [(2, 3)], "'-' in '->i' is neither a letter nor part of one '...'"),
        ("ij,jk", [(2, 3), (2, 3)], "'j' has sides 3 and 2"),
    ],
)
def test_subscripts_that_do_not_fit_are_refused(subscripts, shapes, reason):
    arrays = [np.ones(shape) for shape in shapes]
    with pytest.raises(ValueError):
        np.einsum(subscripts, *arrays)
    with pytest.raises(ShapeError) as caught:
        einsum(subscripts, *arrays)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"einsum: {subscripts!r} doesn't fit"
    assert lines[-2:] == [f"  why:     {reason}", "  code:    einsum-subscripts"]
    assert [line for line in lines if line.startswith("  input")] == [
        f"  input {i}: {s}" for i, s in enumerate(shapes, 1)
    ]


@pytest.mark.parametrize(
    "call",
    [
        lambda a: einsum("ij->i", a, out=np.zeros(7)),
        lambda a: einsum("ij->i", a, dtype=np.float32),
        lambda a: einsum("ij->i", a, order="X"),
        lambda a: einsum("ij,jk,kl", a, a.T, a, optimize="quickly"),
        lambda a: einsum(a, 3),
        lambda a: einsum(a, [0, 99]),
        lambda a: einsum(a),
        lambda a: einsum("ij,jk,kl", a, a.T, a, optimize=["einsum_path", (0, 5)]),
    ],
)
def test_options_and_labels_that_make_no_sense_are_refused(call):
    with pytest.raises((TypeError, ValueError)):
        call(np.ones((2, 3)))


@pytest.mark.parametrize(
    ("subscripts", "y"), [("ii,i->i", (2,)), ("ij,j->j", (2,)), ("ij,jk->ikk", (2, 2)), ("ij,jk->ijkl", (2, 2))]
)
def test_row_refuses_what_is_not_a_plain_product(subscripts, y):
    with pytest.raises(ValueError, match="plain product"):
        einsum_pair(np.ones((2, 2)), np.ones(y), subscripts=subscripts)


def test_einsum_inside_a_function_that_is_not_linear():
    assert_derivatives(lambda a, b: np.einsum("ij,jk,ik->i", a, b, np.exp(a @ b)), numbers(0, 2, 3), numbers(1, 3, 2))


def test_numpys_options_of_einsum():
    a = np.arange(6.0).reshape(2, 3)
    x, out = tg.Tensor(a, requires_grad=True), tg.zeros(2)
    assert np.einsum("ij,j->i", x, a[0], out=out, order="F") is out
    out.sum().backward()
    assert x.grad.tolist() == [a[0].tolist()] * 2
    assert np.einsum("ij->i", tg.Tensor(a), dtype=np.float32, casting="same_kind").dtype == np.float32
    assert np.einsum(tg.Tensor(a), range(2), tg.Tensor(a), np.array([0, 1]), [1]).tolist() == (a * a).sum(0).tolist()
