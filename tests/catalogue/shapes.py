"""Shapes, axes and indices."""

from tests.catalogue import mistake, section

section("Shapes, axes, indices")

mistake(
    "shapes-do-not-broadcast",
    """Shapes are compared from the right; two sides go together if they are equal, or if one of them is 1. The axis
    where they clash is marked.""",
    wrong="""
        samples = tg.Tensor(np.ones((4, 3)), name="samples")
        means = tg.Tensor(np.ones(4), name="means")
        samples - means
    """,
    right="""
        samples = tg.Tensor(np.ones((4, 3)), name="samples")
        means = tg.Tensor(np.ones(4), name="means")
        samples - means[:, None]
    """,
)
mistake(
    "both-operands-stretch",
    """Inside `strict_broadcasting()`, and as a warning where a loss is computed: every operand would be stretched. (n,
    1) against (n,) makes (n, n), which is hardly ever meant: each prediction meets the target of every sample.""",
    wrong="""
        prediction, target = tg.ones((4, 1)), tg.ones(4)
        with tg.strict_broadcasting():
            error = prediction - target
    """,
    right="""
        prediction, target = tg.ones((4, 1)), tg.ones(4)
        with tg.strict_broadcasting():
            error = prediction - target.reshape(4, 1)
    """,
)
mistake(
    "inner-sides-differ",
    """In a product of matrices each row of the left meets each column of the right, element by element, so they must
    have the same length.""",
    wrong="""
        x = tg.Tensor(np.ones((32, 784)), name="x")
        w = tg.Tensor(np.ones((10, 784)), name="w")
        x @ w
    """,
    right="""
        x = tg.Tensor(np.ones((32, 784)), name="x")
        w = tg.Tensor(np.ones((10, 784)), name="w")
        x @ w.T
    """,
)
mistake(
    "wrong-number-of-axes",
    "The function is about vectors, or matrices, or arrays of so many axes, and got something else.",
    wrong="""
        tg.convolve(tg.ones((2, 3)), tg.ones(2))
    """,
    right="""
        tg.convolve(tg.ones(6), tg.ones(2))
    """,
)
mistake(
    "not-a-matrix",
    "A matrix, or a square one, is needed.",
    wrong="""
        tg.linalg.inv(tg.ones((2, 3)))
    """,
    right="""
        tg.linalg.pinv(tg.ones((2, 3)))
    """,
)
mistake(
    "singular-matrix",
    """The rows of the matrix depend on each other, so no matrix undoes what it does, and a system has no single
    solution.""",
    wrong="""
        a = tg.Tensor([[1.0, 2.0], [2.0, 4.0]])
        tg.linalg.solve(a, tg.Tensor([1.0, 1.0]))
    """,
    right="""
        a = tg.Tensor([[1.0, 2.0], [2.0, 4.0]])
        tg.linalg.lstsq(a, tg.Tensor([1.0, 1.0]))
    """,
)
mistake(
    "not-positive-definite",
    "The Cholesky decomposition exists for symmetric matrices a with xᵀ a x > 0 for every x.",
    wrong="""
        tg.linalg.cholesky(tg.Tensor([[1.0, 2.0], [2.0, 1.0]]))
    """,
    right="""
        tg.linalg.cholesky(tg.Tensor([[2.0, 1.0], [1.0, 2.0]]))
    """,
)
mistake(
    "cross-needs-vectors",
    "The cross product is defined for vectors of three numbers (or two, in a plane).",
    wrong="""
        tg.cross([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0])
    """,
    right="""
        tg.cross([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    """,
)
mistake(
    "no-such-axis",
    "Axes are counted from 0, or from the end with -1, -2, …; an array with two axes has the axes 0 and 1.",
    wrong="""
        tg.ones((2, 3)).sum(axis=2)
    """,
    right="""
        tg.ones((2, 3)).sum(axis=1)
        tg.ones((2, 3)).sum(axis=-1)
    """,
)
mistake(
    "axis-named-twice",
    "Each axis can be named once; -1 and the last axis are the same.",
    wrong="""
        tg.ones((2, 3)).sum(axis=(1, -1))
    """,
    right="""
        tg.ones((2, 3)).sum(axis=(0, 1))
    """,
)
mistake(
    "axis-needed",
    "Along which axis is not clear, and the result depends on it.",
    wrong="""
        tg.cumulative_sum(tg.ones((2, 3)))
    """,
    right="""
        tg.cumulative_sum(tg.ones((2, 3)), axis=0)
        tg.cumsum(tg.ones((2, 3)))
    """,
)
mistake(
    "axes-do-not-pair",
    "Axes and the places they go to come in pairs, each axis once.",
    wrong="""
        tg.moveaxis(tg.ones((2, 3)), (0, 1), (0,))
    """,
    right="""
        tg.moveaxis(tg.ones((2, 3)), (0, 1), (1, 0))
    """,
)
mistake(
    "size-not-one",
    "Only axes with one element can be squeezed out: the others hold several numbers.",
    wrong="""
        tg.squeeze(tg.ones((2, 3)), axis=0)
    """,
    right="""
        tg.squeeze(tg.ones((1, 3)), axis=0)
    """,
)
mistake(
    "elements-do-not-fit",
    "A new shape must have as many elements as the old one.",
    wrong="""
        tg.ones((2, 3)).reshape(4, 2)
    """,
    right="""
        tg.ones((2, 3)).reshape(3, 2)
        tg.ones((2, 3)).reshape(-1, 2)
    """,
)
mistake(
    "shapes-do-not-join",
    "Arrays are joined along one axis; along all others they must be equally long.",
    wrong="""
        tg.concatenate([tg.ones((2, 3)), tg.ones((2, 4))])
    """,
    right="""
        tg.concatenate([tg.ones((2, 3)), tg.ones((2, 4))], axis=1)
    """,
)
mistake(
    "unequal-split",
    "The side can't be divided into so many equal parts.",
    wrong="""
        tg.split(tg.ones(10), 4)
    """,
    right="""
        tg.array_split(tg.ones(10), 4)
    """,
)
mistake(
    "unequal-nesting",
    "A tensor is a full table of numbers: all rows of a nested list have the same length.",
    wrong="""
        tg.Tensor([[1.0, 2.0], [3.0]])
    """,
    right="""
        tg.Tensor([[1.0, 2.0], [3.0, 0.0]])
    """,
)
mistake(
    "lengths-differ",
    "Two lists that belong together element by element have different lengths.",
    wrong="""
        tg.interp(0.5, [0.0, 1.0, 2.0], [10.0, 20.0])
    """,
    right="""
        tg.interp(0.5, [0.0, 1.0, 2.0], [10.0, 20.0, 30.0])
    """,
)
mistake(
    "weights-do-not-fit",
    "Weights belong to the elements, or to the places along one axis, so their shape must be that.",
    wrong="""
        tg.average(tg.ones((2, 3)), axis=1, weights=[1.0, 2.0])
    """,
    right="""
        tg.average(tg.ones((2, 3)), axis=1, weights=[1.0, 2.0, 3.0])
    """,
)
mistake(
    "mask-shape",
    "A mask has one boolean for each element of the array, or broadcasts to it.",
    wrong="""
        tg.ones((2, 3)).sum(where=[True, False])
    """,
    right="""
        tg.ones((2, 3)).sum(where=[True, False, True])
    """,
)
mistake(
    "index-does-not-fit",
    "An array with n elements along an axis has the places 0 … n − 1, or −n … −1 from the end.",
    wrong="""
        x = tg.Tensor([1.0, 2.0, 3.0], name="x")
        x[3]
    """,
    right="""
        x = tg.Tensor([1.0, 2.0, 3.0], name="x")
        x[2], x[-1]
    """,
)
mistake(
    "index-not-whole-numbers",
    "An index is a whole number, a slice, a mask of booleans, `None`, `...`, or an array of whole numbers.",
    wrong="""
        x = tg.Tensor([1.0, 2.0, 3.0], name="x")
        x[1.0]
    """,
    right="""
        x = tg.Tensor([1.0, 2.0, 3.0], name="x")
        x[1], x[x > 1.5]
    """,
)
mistake(
    "einsum-subscripts",
    "A letter stands for one axis wherever it appears, so it has one length; each operand has one for each axis.",
    wrong="""
        tg.einsum("ij,jk->ik", tg.ones((2, 3)), tg.ones((2, 3)))
    """,
    right="""
        tg.einsum("ij,kj->ik", tg.ones((2, 3)), tg.ones((2, 3)))
    """,
)
mistake(
    "einsum-path",
    "A path says which operands are multiplied next; those that are multiplied already are gone.",
    wrong="""
        a = tg.ones((2, 2))
        tg.einsum("ij,jk,kl->il", a, a, a, optimize=["einsum_path", (0, 1), (0, 2)])
    """,
    right="""
        a = tg.ones((2, 2))
        tg.einsum("ij,jk,kl->il", a, a, a, optimize=["einsum_path", (0, 1), (0, 1)])
    """,
)
