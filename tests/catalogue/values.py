"""Numbers and dtypes."""

from tests.catalogue import mistake, section

section("Numbers and dtypes")

mistake(
    "not-numbers",
    "A tensor holds numbers: floats, integers, booleans or complex numbers; never text, `None` or objects.",
    wrong="""
        tg.Tensor([1.0, None, 3.0])
    """,
    right="""
        tg.Tensor([1.0, np.nan, 3.0])
    """,
)
mistake(
    "matrix-or-masked-array",
    """An `np.matrix` multiplies as a matrix where an array multiplies by elements, and a masked array hides numbers. A
    Tensor does neither, so both are asked to become plain arrays first.""",
    wrong="""
        x = tg.Tensor([1.0, 2.0, 3.0], name="x")
        x * np.ma.masked_less([5.0, -1.0, 7.0], 0.0)
    """,
    right="""
        x = tg.Tensor([1.0, 2.0, 3.0], name="x")
        x * np.ma.masked_less([5.0, -1.0, 7.0], 0.0).filled(0.0)
    """,
)
mistake(
    "unknown-dtype",
    "The name is not that of a dtype of numbers.",
    wrong="""
        tg.zeros(3, dtype="float23")
    """,
    right="""
        tg.zeros(3, dtype="float32")
    """,
)
mistake(
    "dtype-not-supported",
    "The op is not defined for numbers of this kind: bits belong to whole numbers, and booleans can't be subtracted.",
    wrong="""
        x = tg.Tensor([1.0, 2.0], name="x")
        x & 1
    """,
    right="""
        x = tg.Tensor([1.0, 2.0], name="x")
        x.astype(int) & 1
    """,
)
mistake(
    "booleans-have-no-differences",
    "Between False and True there is nothing: the function subtracts, or interpolates, and booleans can do neither.",
    wrong="""
        tg.gradient([True, False, True])
    """,
    right="""
        tg.gradient([1.0, 0.0, 1.0])
    """,
)
mistake(
    "real-numbers-only",
    "The function has no meaning, or no derivative, for complex numbers.",
    wrong="""
        tg.interp([0.5j], [0.0, 1.0], [0.0, 1.0])
    """,
    right="""
        tg.interp([0.5], [0.0, 1.0], [0.0, 1.0])
    """,
)
mistake(
    "mask-not-booleans",
    "A mask says yes or no for each element. Numbers would be ambiguous: 0.5 is neither.",
    wrong="""
        x = tg.Tensor([1.0, 2.0, 3.0])
        x.sum(where=[1.0, 0.0, 1.0])
    """,
    right="""
        x = tg.Tensor([1.0, 2.0, 3.0])
        x.sum(where=x > 1.5)
    """,
)
mistake(
    "not-a-whole-number",
    """The argument counts something, or names an axis, so it is a whole number. 2.0 is refused too: it is mostly an
    accident.""",
    wrong="""
        tg.ones((2, 3)).reshape(3.0, 2.0)
    """,
    right="""
        tg.ones((2, 3)).reshape(3, 2)
    """,
)
mistake(
    "not-a-number",
    "One number is needed.",
    wrong="""
        w = tg.Tensor([1.0], requires_grad=True)
        tg.optim.SGD([w], lr="0.1")
    """,
    right="""
        w = tg.Tensor([1.0], requires_grad=True)
        tg.optim.SGD([w], lr=0.1)
    """,
)
mistake(
    "number-out-of-range",
    "The number lies outside of what makes sense for this argument.",
    wrong="""
        tg.percentile([1.0, 2.0, 3.0], 101)
    """,
    right="""
        tg.percentile([1.0, 2.0, 3.0], 100)
    """,
)
mistake(
    "not-one-element",
    "A tensor of several elements has no one value, and no one truth.",
    wrong="""
        x = tg.Tensor([1.0, -2.0], name="x")
        if x > 0:
            x = x * 2
    """,
    right="""
        x = tg.Tensor([1.0, -2.0], name="x")
        x = tg.where(x > 0, x * 2, x)
    """,
)
mistake(
    "number-has-no-length",
    "A tensor without axes is one number: it has no length, and there is nothing to iterate over.",
    wrong="""
        len(tg.Tensor(3.0))
    """,
    right="""
        len(tg.Tensor([3.0]))
    """,
)
mistake(
    "empty-input",
    "There are no elements, and the function has no value without any.",
    wrong="""
        x = tg.Tensor(np.zeros((0, 3)), name="x")
        x.max(axis=0)
    """,
    right="""
        x = tg.Tensor(np.zeros((0, 3)), name="x")
        np.max(x, axis=0, initial=0.0)
        x.sum(axis=0)
    """,
)
mistake(
    "too-few-values",
    "The formula needs more points than there are along the axis.",
    wrong="""
        tg.gradient([1.0])
    """,
    right="""
        tg.gradient([1.0, 3.0])
    """,
)
mistake(
    "weights-sum-to-zero",
    "An average divides by the sum of the weights.",
    wrong="""
        tg.average([1.0, 2.0], weights=[1.0, -1.0])
    """,
    right="""
        tg.average([1.0, 2.0], weights=[1.0, 1.0])
    """,
)
mistake(
    "refused-by-numpy",
    "NumPy refuses the call, and says why in its own words.",
    wrong="""
        tg.Tensor([2]) ** -1
    """,
    right="""
        tg.Tensor([2.0]) ** -1
    """,
)
