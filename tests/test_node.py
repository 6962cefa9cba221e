"""Nodes, where they were made, in which scope, and the switches of recording."""

import random
import re
import sys
import threading
import weakref
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Tensor
from tinygrad_edu.errors import AxisError, GradientError
from tinygrad_edu.node import Constant, Leaf, Scope, here, node_site, recording, state


def leaf(value=1.0):
    return Tensor(value, requires_grad=True)


def line_of_caller():
    import sys

    return f"test_node.py:{sys._getframe(1).f_lineno}"


def test_node_is_the_recipe_of_its_value():
    x = leaf([1.0, 2.0])
    y = tg.sum(x * 2.0, axis=0)
    node = y._node
    assert node.op.name == "sum"
    assert node.params["axis"] == 0
    assert node.out is y._data
    (product,) = node.inputs
    first, second = product.inputs
    assert product.op.name == "multiply"
    assert first is x._node
    assert isinstance(first, Leaf)
    assert isinstance(second, Constant)
    assert type(second.out) is float


def test_node_holds_arrays_and_no_handles():
    x = leaf()
    h = x * 2
    y = h * 3
    handle = weakref.ref(h)
    del h
    assert handle() is None
    y.backward()
    assert x.grad.item() == 6.0


def test_indices_grow_in_the_order_of_computation():
    x = leaf()
    a = x * 2
    b = x * 3
    c = a + b
    assert x._node.index < a._node.index < b._node.index < c._node.index


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x * 2,
        lambda x: tg.exp(x),
        lambda x: np.exp(x),
        lambda x: np.ones(1) * x,
        lambda x: x.sum(),
        lambda x: x.max(),
        lambda x: x[None],
        lambda x: x.reshape(1, 1),
        lambda x: tg.grad(lambda t: tg.gradients((t * t).sum(), t, create_graph=True).sum())(x),
    ],
)
def test_site_is_the_users_line(make):
    x = leaf([1.0])
    line = make.__code__.co_firstlineno
    node = make(x)._node
    if node is not None:
        assert node_site(node) == f"test_node.py:{line}"


def test_site_is_that_of_the_line_within_a_longer_statement():
    x = leaf()
    y = (
        x
        * 2
    )  # fmt: skip
    first = test_site_is_that_of_the_line_within_a_longer_statement.__code__.co_firstlineno
    file, line = node_site(y._node).split(":")
    assert file == "test_node.py"
    assert first + 2 <= int(line) <= first + 5
    assert node_site(x._node) == ""


def test_here_is_the_users_line():
    assert here() == line_of_caller()


# --- scopes --------------------------------------------------------------------------------------------------


def test_pythons_own_library_is_not_the_users_line():
    shuffled = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    with pytest.raises(GradientError, match=r"where: test_node\.py:") as caught:
        random.shuffle(shuffled)
    assert "random.py" not in str(caught.value)


def test_a_cell_of_a_notebook_is_named_by_its_number(monkeypatch):
    names = {"<ipython-input-3-4c8c3c79c32f>": ("Cell", "In[3]")}
    shell = SimpleNamespace(compile=SimpleNamespace(format_code_name=names.get))
    program = "import tinygrad_edu as tg\nx = tg.ones(3)\nx.sum(axis=7)"
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    for file, shown in (("<ipython-input-3-4c8c3c79c32f>", "Cell In[3]"), ("/home/me/program.py", "program.py")):
        with pytest.raises(AxisError, match=re.escape(f"where: {shown}:3")):
            exec(compile(program, file, "exec"), {})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))  # imported, but not running
    with pytest.raises(AxisError, match=r"where: program\.py:3"):
        exec(compile(program, "/home/me/program.py", "exec"), {})


def test_scopes_nest_and_name_their_nodes():
    x = leaf()
    outer = Scope("mlp", "module", lambda: "MLP")
    with outer:
        a = x * 2
        with Scope("layer1", "module", lambda: "Linear") as inner:
            b = a * 2
        c = b * 2
    d = c * 2
    assert [n._node.scope and n._node.scope.path for n in (a, b, c, d)] == ["mlp", "mlp.layer1", "mlp", None]
    assert inner.chain() == [outer, inner]
    assert inner.label() == "Linear"


def test_scope_is_left_after_an_exception():
    with pytest.raises(ZeroDivisionError), Scope("a", "module", str):
        raise ZeroDivisionError
    assert state().scope is None


def test_errors_say_in_which_module_they_happened():
    with Scope("mlp", "module", str), Scope("layer1", "module", str), pytest.raises(ValueError) as caught:
        leaf(np.ones(2)) + np.ones(3)
    assert "in mlp.layer1" in str(caught.value)


# --- switches ------------------------------------------------------------------------------------------------


def test_recording_is_restored_whatever_happens():
    with recording(False):
        assert not state().recording
        with recording(True):
            assert state().recording
        assert not state().recording
    assert state().recording
    with pytest.raises(KeyError), recording(False):
        raise KeyError
    assert state().recording


def test_switches_belong_to_the_thread():
    seen = []
    with recording(False), Scope("main", "module", str):
        thread = threading.Thread(target=lambda: seen.append((state().recording, state().scope)))
        thread.start()
        thread.join()
    assert seen == [(True, None)]


def test_graphs_made_in_threads_at_once_do_not_mix():
    found = {}

    def work(k):
        x = leaf(np.full(3, float(k)))
        y = x
        for _ in range(200):
            y = y * 1.0 + x
        y.sum().backward()
        found[k] = x.grad.tolist()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {k: [201.0] * 3 for k in range(6)}


def test_tracer_records_what_depends_on_no_leaf_too():
    now = state()
    now.record_all = True
    try:
        y = Tensor([1.0]) > 0
    finally:
        now.record_all = False
    assert y._node.op.name == "greater"
    assert (Tensor([1.0]) > 0)._node is None


def test_no_grad_holds_inside_a_generator_and_not_in_its_caller():
    @tg.no_grad()
    def squares():
        received = yield (leaf(2.0) * 2).requires_grad
        try:
            yield received, (leaf(2.0) * 2).requires_grad
        except KeyError:
            yield "caught", state().recording
        return "done"

    steps = squares()
    assert next(steps) is False
    assert state().recording
    assert steps.send("sent") == ("sent", False)
    assert state().recording
    assert steps.throw(KeyError()) == ("caught", False)
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value == "done"
    assert state().recording
    squares().close()
    assert list(squares())[1] == (None, False)


def test_a_function_decorated_with_no_grad_may_run_in_threads_at_once():
    entered, leave, found = threading.Event(), threading.Event(), {}

    @tg.no_grad()
    def work(first):
        (entered if first else leave).set()
        (leave if first else entered).wait(10)

    def thread(first):
        with nullcontext() if first else tg.no_grad():
            work(first)
            found[first] = state().recording

    threads = [threading.Thread(target=thread, args=(first,)) for first in (True, False)]
    threads[0].start()
    entered.wait(10)
    threads[1].start()
    for started in threads:
        started.join()
    assert found == {True: True, False: False}
