"""Programs that mix ops, writes, views, detach, no_grad and many backwards: not one silent wrong gradient.

The machine drives the engine and, beside it, the naive scalar engine of `reference.py`. After every step all values
must agree; every backward must give the gradient of what was computed when it was computed, or raise GradientError,
and that only where a leaf in the graph was written in between.
"""

import copy
import pickle
from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import tinygrad_edu as tg
from tests.reference import each, gradient, is_smooth, numbers, second_derivative, total, values
from tests.slots import Slot, as_view, bounded, fits, fits_into, valid
from tinygrad_edu import Tensor
from tinygrad_edu.errors import DtypeError, GradientError

SHAPES = [(), (3,), (2, 3), (1, 3), (2, 1)]
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
INDICES = [0, -1, slice(None, None, 2), Ellipsis, [0, 0], [1, 0, 1], ((0, 0, 1),), (Ellipsis, 0), (Ellipsis, [0, 0])]
MOST = 12  # tensors alive at a time


class Programs(RuleBasedStateMachine):
    picks = st.integers(0, MOST - 1)
    seeds = st.integers(0, 1000)
    flags = st.booleans()

    @initialize(seed=seeds)
    def start(self, seed):
        self.slots, self.arrays, self.leaves = [], [], {}
        self.writes, self.gradients = {}, {}
        self.freed = False  # whether any graph was
        self.new_leaf(seed)
        self.new_constant(seed, 0)

    def pick(self, number):
        return self.slots[number % len(self.slots)]

    def keep(self, slot):
        if bounded(slot.numbers()):
            self.slots.append(slot)
        if len(self.slots) > MOST:
            self.slots.pop(0)

    def saved_by(self, *slots):
        """What a tensor computed from these depends on."""
        found = frozenset().union(*(slot.saved for slot in slots))
        return found | {(slot.owner, self.writes[slot.owner]) for slot in slots if slot.tags is not None}

    def keep_result(self, tensor, cells, *inputs, recording=True, view=False):
        """A new tensor computed from the inputs: tracked if they are, else a constant with memory of its own."""
        if recording and any(slot.tracked for slot in inputs):
            assert tensor.requires_grad
            self.keep(Slot(tensor, cells=cells, saved=self.saved_by(*inputs), is_view=view))
        else:
            assert not tensor.requires_grad
            self.keep(Slot(tensor, memory=numbers(cells)))

    def written(self, slot):
        """The memory of this slot was written: leaves that lie in it have changed."""
        if slot.owner is not None:
            self.writes[slot.owner] += 1

    def become(self, slot, cells, *inputs, recording=True):
        """The handle of a slot now stands for another value."""
        tracked = recording and any(part.tracked for part in (slot, *inputs))
        saved = self.saved_by(slot, *inputs)
        slot.cells, slot.memory = (cells, None) if tracked else (None, numbers(cells))
        slot.saved = saved if tracked else frozenset()
        slot.owner = slot.tags = None
        slot.is_view = slot.freed = False

    # --- making ----------------------------------------------------------------------------------------------

    @rule(seed=seeds)
    def new_leaf(self, seed):
        rng = np.random.default_rng(seed)
        array = rng.uniform(-2, 2, SHAPES[rng.integers(len(SHAPES))])
        number = len(self.writes)
        self.writes[number] = 0
        self.gradients[number] = None
        tags = np.empty(array.shape, dtype=object)
        for index in np.ndindex(array.shape):
            tags[index] = (number, index)
        tensor = Tensor(array, requires_grad=True, name=f"leaf{number}")
        slot = Slot(tensor, memory=np.array(array), tags=tags, owner=number, is_leaf=True)
        self.leaves[number] = slot
        self.keep(slot)

    @rule(seed=seeds, kind=st.integers(0, 3))
    def new_constant(self, seed, kind):
        rng = np.random.default_rng(seed)
        array = rng.uniform(-2, 2, SHAPES[rng.integers(len(SHAPES))])
        memory = np.array(array)
        tensor = tg.from_numpy(array) if kind == 0 else Tensor(array, name="c" if kind == 1 else None)
        if kind == 0:
            self.arrays.append((array, memory))
        if kind == 2:
            self.arrays.append((tensor.data, memory))
        self.keep(Slot(tensor, memory=memory))

    # --- computing -------------------------------------------------------------------------------------------

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

    # --- whole functions of a tensor -------------------------------------------------------------------------

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

    # --- detaching and copying -------------------------------------------------------------------------------

    @rule(which=picks)
    def detached(self, which):
        x = self.pick(which)
        if x.cells is not None:
            self.keep(Slot(x.tensor.detach(), memory=numbers(x.cells)))
        else:
            self.keep(Slot(x.tensor.detach(), memory=x.memory, owner=x.owner))

    @rule(which=picks, deep=flags)
    def copied(self, which, deep):
        x = self.pick(which)
        if x.tracked:
            return
        self.keep(Slot((copy.deepcopy if deep else copy.copy)(x.tensor), memory=np.array(x.memory)))

    @rule(which=picks)
    def pickled(self, which):
        x = self.pick(which)
        if x.tracked:
            return
        self.keep(Slot(pickle.loads(pickle.dumps(x.tensor)), memory=np.array(x.memory)))

    @rule(which=picks)
    def forgotten(self, which):
        if len(self.slots) > 2:
            self.slots.pop(which % len(self.slots))

    @rule(which=picks)
    def looked_at(self, which):
        """None of this may change anything."""
        x = self.pick(which)
        repr(x.tensor)
        x.tensor.name = "seen"
        assert x.tensor.name == "seen"
        if not x.tracked:
            with pytest.raises(ValueError, match="read-only"):
                x.tensor.numpy()[...] = 5.0

    @rule(which=picks)
    def no_longer_requires_grad(self, which):
        x = self.pick(which)
        if not (x.is_leaf and x.tracked):
            return
        x.tensor.requires_grad = False
        x.tags = None
        del self.gradients[x.owner]

    # --- writing ---------------------------------------------------------------------------------------------

    def write(self, x, engine, model, *inputs, recording):
        """Let the engine and the model write to `x`: `model` gives the new cells from the old ones."""
        cells = model(x.values())
        if not bounded(numbers(cells)):
            return
        before = x.numbers().copy()
        must_raise = x.tags is not None and (recording or not x.is_leaf)
        into_view = not x.tracked and recording and any(slot.tracked for slot in inputs)
        stretched = any(not stride and side > 1 for stride, side in zip(x.tensor._data.strides, x.tensor.shape))
        stretched |= x.memory is not None and not x.memory.flags.writeable
        may_raise = must_raise or x.is_view or into_view or stretched
        raised = False
        try:
            with nullcontext() if recording else tg.no_grad():
                engine(x.tensor)
        except (GradientError, DtypeError):
            raised = True
        assert raised <= may_raise, "a write was refused without reason"
        assert must_raise <= raised, "a write to a leaf while recording must be refused"
        if raised:
            np.testing.assert_allclose(x.tensor._data, before, rtol=1e-9, atol=1e-9)
            return
        if x.cells is not None or (recording and any(slot.tracked for slot in inputs)):
            self.become(x, cells, *inputs, recording=recording)
        else:
            x.memory[...] = numbers(cells)
            self.written(x)

    @rule(first=picks, second=picks, name=st.sampled_from(["__add__", "__sub__", "__mul__"]), recording=flags)
    def augmented_assignment(self, first, second, name, recording):
        x, y = self.pick(first), self.pick(second)
        if not (fits(x, y) and np.broadcast_shapes(x.tensor.shape, y.tensor.shape) == x.tensor.shape):
            return
        y_cells = y.values()
        method = name.replace("__", "__i", 1)
        self.write(
            x, lambda t: getattr(t, method)(y.tensor), lambda cells: each(name, cells, y_cells), y, recording=recording
        )

    @rule(first=picks, second=picks, index=st.sampled_from(INDICES), recording=flags)
    def assignment_to_elements(self, first, second, index, recording):
        x, y = self.pick(first), self.pick(second)
        if not valid(x, index):
            return
        target = np.shape(x.numbers()[index])
        if not fits_into(y.tensor.shape, target):
            return
        y_cells = np.broadcast_to(y.values(), target)

        def model(cells):
            cells = cells.copy()
            cells[index] = y_cells if target else y_cells.item()
            return cells

        self.write(x, lambda t: t.__setitem__(index, y.tensor), model, y, recording=recording)

    @rule(first=picks, second=picks, index=st.sampled_from(INDICES), recording=flags)
    def statement_that_adds_to_elements(self, first, second, index, recording):
        """`x[index] += y`: of what is named twice the last sum is stored, as NumPy has it."""
        x, y = self.pick(first), self.pick(second)
        if not valid(x, index) or not fits_into(y.tensor.shape, np.shape(x.numbers()[index])):
            return
        target = np.shape(x.numbers()[index])
        y_cells = np.broadcast_to(y.values(), target)

        def engine(t):
            t[index] += y.tensor

        def model(cells):
            cells = cells.copy()
            added = each("__add__", as_view(cells[index]), y_cells)
            cells[index] = added if target else added.item()
            return cells

        self.write(x, engine, model, y, recording=recording)

    @rule(first=picks, second=picks, index=st.sampled_from(INDICES), recording=flags)
    def adding_at_indices(self, first, second, index, recording):
        """`np.add.at(x, index, y)`: what is named twice is added twice."""
        x, y = self.pick(first), self.pick(second)
        if not valid(x, index) or not fits_into(y.tensor.shape, np.shape(x.numbers()[index])):
            return
        places = np.arange(x.tensor.size).reshape(x.tensor.shape)[index]
        y_cells = np.broadcast_to(y.values(), np.shape(places))

        def model(cells):
            flat = cells.copy().reshape(-1)
            for place, value in zip(np.ravel(places), y_cells.ravel()):
                flat[place] = flat[place] + value
            return flat.reshape(cells.shape)

        self.write(x, lambda t: np.add.at(t, index, y.tensor), model, y, recording=recording)

    @rule(first=picks, second=picks, seed=seeds, recording=flags)
    def ufunc_with_where_and_out(self, first, second, seed, recording):
        x, y = self.pick(first), self.pick(second)
        if x.tensor.shape != y.tensor.shape:
            return
        mask = np.asarray(np.random.default_rng(seed).random(x.tensor.shape) < 0.5)
        y_cells = y.values()

        def model(cells):  # each element depends on both, if only with the slope 0
            chosen = (
                each("__mul__", part, values(share)) for part, share in ((y_cells, 0.5 * mask), (cells, 1.0 * ~mask))
            )
            return each("__add__", *chosen)

        self.write(x, lambda t: np.multiply(y.tensor, 0.5, out=t, where=mask), model, y, recording=recording)

    @rule(which=picks, recording=flags)
    def out_argument(self, which, recording):
        x = self.pick(which)
        self.write(x, lambda t: np.tanh(t, out=t), lambda cells: each("tanh", cells), recording=recording)

    @rule(which=picks, in_place=flags)
    def data_is_changed(self, which, in_place):
        x = self.pick(which)
        if (x.tracked and not x.is_leaf) or not x.memory.flags.writeable:
            return
        if in_place:
            x.tensor.data *= 0.5
            x.memory *= 0.5
            self.written(x)
        elif x.is_leaf and x.tracked:
            x.tensor.data = x.tensor.data * 0.5
            x.memory *= 0.5
            self.written(x)
        else:
            x.tensor.data = x.tensor.data * 0.5
            x.memory, x.owner = np.asarray(x.memory * 0.5), None

    @rule(leaf=picks)
    def step_of_an_optimiser(self, leaf):
        slot = self.leaves[leaf % len(self.leaves)]
        if slot.tracked:
            slot.tensor.data -= 0.125
            slot.memory -= 0.125
            self.written(slot)

    @rule(which=picks)
    def shared_array_is_written(self, which):
        if not self.arrays:
            return
        array, memory = self.arrays[which % len(self.arrays)]
        array[...] = memory[...] = 0.25

    # --- differentiating -------------------------------------------------------------------------------------

    def may_be_stale(self, x):
        return any(self.writes[leaf] != written for leaf, written in x.saved)

    def may_refuse(self, x, error):
        """A graph may be stale; and where one was freed, others that share a part of it are too."""
        return self.may_be_stale(x) or (self.freed and error.code == "freed-graph")

    @rule(which=picks, seed=seeds, create_graph=flags, retain_grads=flags)
    def backward(self, which, seed, create_graph, retain_grads):
        x = self.pick(which)
        if not x.tracked:
            return
        cotangent = np.random.default_rng(seed).uniform(-1, 1, x.tensor.shape)
        try:
            x.tensor.backward(cotangent.copy(), create_graph=create_graph, retain_grads=retain_grads)
        except GradientError as error:
            if not self.may_refuse(x, error):
                raise  # refused although nothing had been written
            return
        assert not x.freed, "a graph that was freed was used again"
        self.add_gradient(x, cotangent)

    def add_gradient(self, x, cotangent):
        for (leaf, index), slope in gradient(x.values(), cotangent).items():
            if leaf in self.gradients:
                if self.gradients[leaf] is None:
                    self.gradients[leaf] = np.zeros(self.leaves[leaf].memory.shape)
                self.gradients[leaf][index] += slope

    @rule(which=picks, victim=picks)
    def backward_that_is_interrupted(self, which, victim):
        """An error on the way leaves every gradient as it was; the next backward is as if nothing had happened."""
        x, other = self.pick(which), self.pick(victim)
        if not (x.tracked and other.tracked):
            return

        def stop(g):
            raise InterruptedError

        registration = other.tensor.register_hook(stop)
        try:
            x.tensor.backward(np.zeros(x.tensor.shape))
        except (InterruptedError, GradientError):
            pass
        else:
            self.add_gradient(x, np.zeros(x.tensor.shape))
        finally:
            registration.remove()

    @rule(which=picks)
    def backward_that_frees(self, which):
        x = self.pick(which)
        if not x.tracked or x.tags is not None:
            return
        cotangent = np.ones(x.tensor.shape)
        try:
            x.tensor.backward(cotangent, retain_graph=False)
        except GradientError as error:
            if not self.may_refuse(x, error):
                raise  # refused although nothing had been written
            return
        self.freed = x.freed = True
        self.add_gradient(x, cotangent)

    @rule(which=picks, seed=seeds)
    def second_derivatives(self, which, seed):
        x = self.pick(which)
        alive = list(self.gradients)
        if not x.tracked or not alive or self.freed or not is_smooth(x.values()):
            return
        tensors = [self.leaves[number].tensor for number in alive]
        rng = np.random.default_rng(seed)
        directions = [rng.uniform(-1, 1, tensor.shape) for tensor in tensors]
        try:
            first = tg.gradients(x.tensor, tensors, cotangent=np.ones(x.tensor.shape), create_graph=True)
            slope = sum(((g * d).sum() for g, d in zip(first, directions) if g is not None), Tensor(0.0))
            found = tg.gradients(slope, tensors) if slope.requires_grad else [None] * len(tensors)
        except GradientError:
            assert self.may_be_stale(x), "second derivatives were refused although nothing had been written"
            return
        along = {(number, i): d[i] for number, d in zip(alive, directions) for i in np.ndindex(d.shape)}
        expected = {number: np.zeros(d.shape) for number, d in zip(alive, directions)}
        for (leaf, index), value in second_derivative(x.values(), along).items():
            if leaf in expected:
                expected[leaf][index] += value
        for number, g in zip(alive, found):
            scale = max(1.0, np.abs(expected[number]).max(initial=0.0))
            np.testing.assert_allclose(0.0 if g is None else g.numpy(), expected[number], rtol=1e-4, atol=1e-4 * scale)

    @rule(which=picks)
    def gradients_by_all_leaves(self, which):
        self.check_gradients(self.pick(which))

    def check_gradients(self, x):
        alive = list(self.gradients)
        if not x.tracked or not alive:
            return
        try:
            tensors = [self.leaves[number].tensor for number in alive]
            found = tg.gradients(x.tensor, tensors, cotangent=np.ones(x.tensor.shape))
        except GradientError as error:
            if not self.may_refuse(x, error):
                raise  # refused although nothing had been written
            return
        expected = {number: np.zeros(self.leaves[number].memory.shape) for number in alive}
        for (leaf, index), slope in gradient(x.values()).items():
            if leaf in expected:
                expected[leaf][index] += slope
        for number, g in zip(alive, found):
            np.testing.assert_allclose(0.0 if g is None else g.numpy(), expected[number], rtol=1e-8, atol=1e-8)

    @rule(leaf=picks, how=st.sampled_from(["forget", "halve", "halve without recording"]))
    def gradient_is_cleared_or_scaled(self, leaf, how):
        known = [number for number, g in self.gradients.items() if g is not None]
        if not known:
            return
        number = known[leaf % len(known)]
        x = self.leaves[number].tensor
        if how == "forget":
            x.grad = None
            self.gradients[number] = None
        else:
            with nullcontext() if how == "halve" else tg.no_grad():
                x.grad *= 0.5
            self.gradients[number] *= 0.5

    def teardown(self):
        for slot in getattr(self, "slots", ()):
            self.check_gradients(slot)

    # --- what must hold at every moment ----------------------------------------------------------------------

    @invariant()
    def values_agree(self):
        for slot in getattr(self, "slots", ()):
            assert slot.tensor.requires_grad == slot.tracked
            np.testing.assert_allclose(slot.tensor._data, slot.numbers(), rtol=1e-9, atol=1e-9)

    @invariant()
    def gradients_agree(self):
        for number, expected in getattr(self, "gradients", {}).items():
            found = self.leaves[number].tensor.grad
            if expected is None:  # 0 by way of a part without elements, which the naive engine has no path through
                assert found is None or not found._data.any()
            else:
                np.testing.assert_allclose(found._data, expected, rtol=1e-8, atol=1e-8)


TestPrograms = Programs.TestCase
TestPrograms.settings = settings(
    stateful_step_count=40, max_examples=4 * settings().max_examples, report_multiple_bugs=False
)
