"""Writing in place, views, out=: where a gradient would become wrong."""

from tests.catalogue import mistake, section

section("Writing in place")

mistake(
    "leaf-written",
    """A graph may hold the leaf's value for its derivatives, so a leaf that requires grad changes only where nothing
    is recorded: an update of a parameter, inside `no_grad()`.""",
    wrong="""
        w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
        w += 1
    """,
    right="""
        w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
        with tg.no_grad():
            w += 1
    """,
)
mistake(
    "saved-value-written",
    """A recorded op needs a value for its derivative, and the value was overwritten since. Backward would give a wrong
    gradient; both lines are named.""",
    wrong="""
        w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
        loss = (w * w).sum()
        w.data -= 0.1
        loss.backward()
    """,
    right="""
        w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
        loss = (w * w).sum()
        loss.backward()
        w.data -= 0.1
    """,
)
mistake(
    "read-only-memory",
    """The tensor shares an array that NumPy lets nobody write to, or one whose elements are one number in memory, as
    `broadcast_to` makes them. A write would change more than it says.""",
    wrong="""
        row = tg.broadcast_to(tg.Tensor([1.0]), (3,))
        row[0] = 5.0
    """,
    right="""
        row = tg.broadcast_to(tg.Tensor([1.0]), (3,)).copy()
        row[0] = 5.0
    """,
)
mistake(
    "view-written",
    """A slice of a tracked tensor is a value of its own: writing to it would not reach the tensor it was taken from,
    as it does in NumPy.""",
    wrong="""
        x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True) * 1
        v = x[1:]
        v[0] = 5.0
    """,
    right="""
        x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True) * 1
        x[1] = 5.0
    """,
)
mistake(
    "shape-would-change",
    "An in-place op and `out=` keep the shape of the tensor that they write to.",
    wrong="""
        x = tg.zeros(2)
        x += tg.ones((3, 2))
    """,
    right="""
        x = tg.zeros(2)
        x = x + tg.ones((3, 2))
    """,
)
mistake(
    "cast-not-allowed",
    "What was computed doesn't fit into the dtype that it is to be stored in: fractions would be cut off in silence.",
    wrong="""
        counts = tg.zeros(3, dtype=int)
        counts += 0.5
    """,
    right="""
        counts = tg.zeros(3, dtype=int)
        counts = counts + 0.5
    """,
)
mistake(
    "tracked-value-into-integers",
    "An array of whole numbers can hold neither the fractions nor the gradient of what is written into it.",
    wrong="""
        w = tg.Tensor([0.5, 1.5], requires_grad=True)
        table = tg.zeros(3, dtype=int)
        table[0] = w[0]
    """,
    right="""
        w = tg.Tensor([0.5, 1.5], requires_grad=True)
        table = tg.zeros(3)
        table[0] = w[0]
    """,
)
mistake(
    "where-without-out",
    """NumPy leaves the elements that `where=` masks undefined unless `out=` says what they are: whatever lies in
    memory. Such numbers are refused.""",
    wrong="""
        x = tg.Tensor([1.0, -1.0])
        np.sqrt(x, where=x > 0)
    """,
    right="""
        x = tg.Tensor([1.0, -1.0])
        np.sqrt(x, where=x > 0, out=tg.zeros(2))
    """,
)
