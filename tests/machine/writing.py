"""Rules that write: in-place operators, items, `out=`, `.data`, optimisers, and arrays that are shared."""

from contextlib import nullcontext

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import rule

import tinygrad_edu as tg
from tests.machine.base import Machine, flags, picks, seeds
from tests.machine.slots import INDICES, as_view, bounded, fits, fits_into, valid
from tests.reference import each, numbers, values
from tinygrad_edu.errors import DtypeError, GradientError


class Writing(Machine):
    def write(self, x, engine, model, *inputs, recording):
        """Let the engine and the model write to `x`: `model` gives the new cells from the old ones."""
        cells = model(x.values())
        if not bounded(numbers(cells)):
            return
        before = x.numbers().copy()
        must_raise = x.tags is not None and (recording or not x.is_leaf)
        into_view = not x.tracked and recording and any(slot.tracked for slot in inputs)
        stretched = any(not stride and side > 1 for stride, side in zip(x.tensor._data.strides, x.tensor.shape))
        if x.memory is not None and not x.memory.flags.writeable and not stretched:
            return  # a part of stretched memory that is not stretched itself: NumPy's flag forbids the model to write
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
