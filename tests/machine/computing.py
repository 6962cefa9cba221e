"""Rules that compute: ops, views, checkpoints, custom ops, vmap and derivatives of functions."""

import functools
from contextlib import nullcontext

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import rule

import tinygrad_edu as tg
from tests.machine.base import Machine, flags, picks, seeds
from tests.machine.slots import INDICES, Slot, as_view, fits, valid
from tests.reference import each, total, values

UNARY = {"tanh": np.tanh, "sigmoid": tg.sigmoid, "relu": tg.relu, "__neg__": np.negative}
BINARY = {"__add__": np.add, "__sub__": np.subtract, "__mul__": np.multiply, "maximum": np.maximum}
VIEWS = [
    lambda a: np.broadcast_to(a[:1], (2, *a.shape[1:])),
    lambda a: a[1:],
    lambda a: a[..., ::-1],
    lambda a: a[0],
    lambda a: a.reshape(-1),
    lambda a: a.T,
    lambda a: a[None],
]


class Computing(Machine):
    @rule(which=picks, name=st.sampled_from(sorted(UNARY)), recording=flags)
    def unary(self, which, name, recording):
        x = self.pick(which)
        with nullcontext() if recording else tg.no_grad():
            result = UNARY[name](x.tensor)
        self.keep_result(result, each(name, x.values()), x, recording=recording)

    @rule(first=picks, second=picks, name=st.sampled_from(sorted(BINARY)))
    def binary(self, first, second, name):
        x, y = self.pick(first), self.pick(second)
        if not fits(x, y):
            return
        self.keep_result(BINARY[name](x.tensor, y.tensor), each(name, x.values(), y.values()), x, y)

    @rule(which=picks, seed=seeds, name=st.sampled_from(sorted(BINARY)), on_the_left=flags)
    def with_an_array_that_changes_afterwards(self, which, seed, name, on_the_left):
        x = self.pick(which)
        array = np.random.default_rng(seed).uniform(-2, 2, x.tensor.shape)
        pair = (array, x.tensor) if on_the_left else (x.tensor, array)
        model = (values(array), x.values()) if on_the_left else (x.values(), values(array))
        result = BINARY[name](*pair)
        if array.ndim:
            array.fill(99.0)
        self.keep_result(result, each(name, *model), x)

    @rule(which=picks, number=st.sampled_from([2, -0.5, True, np.float64(1.5)]), name=st.sampled_from(sorted(BINARY)))
    def with_a_number(self, which, number, name):
        x = self.pick(which)
        self.keep_result(BINARY[name](x.tensor, number), each(name, x.values(), values(number)), x)

    @rule(which=picks, power=st.sampled_from([0, 1, 2, 3, 2.0]))
    def to_a_power(self, which, power):
        x = self.pick(which)
        cells = np.empty(x.tensor.shape, dtype=object)
        for index, value in np.ndenumerate(x.values()):
            cells[index] = value**power
        self.keep_result(x.tensor**power, cells, x)

    @rule(which=picks)
    def through_a_checkpoint(self, which):
        x = self.pick(which)
        result = tg.checkpoint(lambda t: np.tanh(t) * t)(x.tensor)
        cells = x.values()
        self.keep_result(result, each("__mul__", each("tanh", cells), cells), x)

    @rule(which=picks, removed=flags)
    def with_a_hook_that_doubles(self, which, removed):
        x = self.pick(which)
        if not x.tracked:
            return
        result = +x.tensor
        first = result.register_hook(lambda g: g * 2)
        second = result.register_hook(lambda g: g * 8)
        second.remove()
        if removed:
            first.remove()
        cells = x.values()
        self.keep_result(
            result, each("__add__", cells, values(0.0)) if removed else each("doubled_on_the_way_back", cells), x
        )

    @rule(which=picks, whole=flags)
    def summed(self, which, whole):
        x = self.pick(which)
        if not (whole or x.tensor.ndim):
            return
        axis = None if whole else -1
        self.keep_result(x.tensor.sum(axis=axis), total(x.values(), axis), x)

    @rule(which=picks, name=st.sampled_from(["__mul__", "maximum"]))
    def reduced(self, which, name):
        """`prod`, and `max`, where equal numbers share the slope."""
        x = self.pick(which)
        if not x.tensor.ndim or not x.tensor.shape[-1]:
            return
        if name == "maximum" and x.tensor.shape[-1] > 2:
            return  # of three equal numbers two would share the half of a `maximum` of two
        result = x.tensor.prod(axis=-1) if name == "__mul__" else x.tensor.max(axis=-1)
        parts = map(as_view, np.moveaxis(x.values(), -1, 0))
        self.keep_result(result, functools.reduce(functools.partial(each, name), parts), x)

    @rule(first=picks, second=picks, how=st.sampled_from(["stack", "concatenate"]))
    def joined(self, first, second, how):
        x, y = self.pick(first), self.pick(second)
        if x.tensor.shape != y.tensor.shape or (how == "concatenate" and not x.tensor.ndim) or x.tensor.ndim > 2:
            return
        join = getattr(np, how)
        self.keep_result(join([x.tensor, y.tensor]), join([x.values(), y.values()]), x, y)

    @rule(first=picks, second=picks, seed=seeds)
    def chosen_by_a_mask_that_changes_afterwards(self, first, second, seed):
        x, y = self.pick(first), self.pick(second)
        if x.tensor.shape != y.tensor.shape:
            return
        mask = np.asarray(np.random.default_rng(seed).random(x.tensor.shape) < 0.5)
        shares = values(mask), values(~mask)
        result = np.where(mask, x.tensor, y.tensor)
        mask[...] = False
        chosen = (each("__mul__", part.values(), share) for part, share in zip((x, y), shares))
        self.keep_result(result, each("__add__", *chosen), x, y)

    @rule(which=picks)
    def scaled_and_asked_to_keep_its_gradient(self, which):
        x = self.pick(which)
        if not x.tracked:
            return
        result = x.tensor * 0.5
        result.retain_grad()
        self.keep_result(result, each("__mul__", x.values(), values(0.5)), x)
        if self.slots and self.slots[-1].tensor is result:
            self.slots[-1].alone = True

    @rule(which=picks)
    def matrix_product_with_its_own_transpose(self, which):
        x = self.pick(which)
        if x.tensor.ndim != 2:
            return
        v = x.values()
        cells = total(each("__mul__", v[:, None, :], v[None, :, :]), axis=-1)
        self.keep_result(x.tensor @ x.tensor.T, cells, x)

    @rule(which=picks, index=st.sampled_from(INDICES))
    def picked_by_an_index_that_changes_afterwards(self, which, index):
        x = self.pick(which)
        mutable = np.array(index) if isinstance(index, list) else index
        if not valid(x, index):
            return
        result = x.tensor[mutable]
        if isinstance(mutable, np.ndarray):
            mutable.fill(0)
        self.keep_view(x, result, lambda a: as_view(a[index]))

    @rule(which=picks, view=st.sampled_from(VIEWS), recording=flags)
    def viewed(self, which, view, recording):
        x = self.pick(which)
        if not x.tensor.ndim or not x.tensor.size:
            return
        with nullcontext() if recording else tg.no_grad():
            result = view(x.tensor)
        self.keep_view(x, result, lambda a: as_view(view(a)), recording)

    def keep_view(self, x, result, view, recording=True):
        """A part of x: in the same memory where NumPy's would be."""
        if x.cells is not None:
            self.keep_result(result, view(x.cells), x, recording=recording, view=True)
            return
        memory = view(x.memory)
        if not np.shares_memory(memory, x.memory):
            self.keep_result(result, view(x.values()), x, recording=recording)
            return
        tags = view(x.tags) if recording and x.tags is not None else None
        saved = self.saved_by(x) if tags is not None else frozenset()
        self.keep(Slot(result, memory=memory, tags=tags, owner=x.owner, saved=saved))

    # --- whole functions of a tensor --------------------------------------------------------------------------

    @rule(which=picks)
    def through_vmap_of_code_that_writes(self, which):
        x = self.pick(which)
        if not x.tensor.ndim or not x.tensor.shape[0]:
            return

        def f(row):
            y = row * 1
            y += row
            y[...] = y * 0.5
            return np.tanh(y) * row

        cells = x.values()
        self.keep_result(tg.vmap(f)(x.tensor), each("__mul__", each("tanh", cells), cells), x)

    @rule(which=picks, how=st.sampled_from(["grad", "jvp", "vjp", "vmap of grad"]))
    def derivative_of_code_that_writes(self, which, how):
        """Of Σ t²: 2t, with a history where t has one."""
        x = self.pick(which)
        if not x.tensor.ndim or not x.tensor.size:
            return

        def f(t):
            y = t * 1
            y *= t
            y[0] = y[0] * 1
            return y

        if how == "grad":
            result = tg.grad(lambda t: f(t).sum())(x.tensor)
        elif how == "vmap of grad":
            result = tg.vmap(tg.grad(lambda t: (t * t).sum()))(x.tensor)
        elif how == "jvp":
            result = tg.jvp(f, (x.tensor,), (np.ones(x.tensor.shape),))[1]
        else:
            result = tg.vjp(f, x.tensor)[1](np.ones(x.tensor.shape))[0]
        self.keep_result(result, each("__mul__", x.values(), values(2.0)), x)

    @rule(which=picks)
    def through_a_custom_op(self, which):
        x = self.pick(which)
        buffer = np.empty(x.tensor.shape)
        op = tg.custom_op(
            "square_in_a_buffer", lambda a: np.multiply(a, a, out=buffer), vjps=lambda g, out, a: g * a * 2
        )
        result = op(x.tensor)
        buffer.fill(99.0)
        self.keep_result(result, each("__mul__", x.values(), x.values()), x)
