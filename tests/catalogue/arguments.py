"""Arguments of calls: names, choices, lists."""

from tests.catalogue import mistake, section

section("Arguments")

mistake(
    "unknown-choice",
    "The argument is one of a few names, and this is none of them.",
    wrong="""
        tg.pad([1.0, 2.0], 1, mode="mirror")
    """,
    right="""
        tg.pad([1.0, 2.0], 1, mode="reflect")
    """,
)
mistake(
    "wrong-arguments",
    "An argument is missing, unknown, or not supported by the function.",
    wrong="""
        tg.matmul(tg.ones((2, 2)))
    """,
    right="""
        tg.matmul(tg.ones((2, 2)), tg.ones((2, 2)))
    """,
)
mistake(
    "conflicting-arguments",
    "Two arguments say the same thing, or contradict each other.",
    wrong="""
        tg.var([1.0, 2.0], ddof=1, correction=0)
    """,
    right="""
        tg.var([1.0, 2.0], ddof=1)
    """,
)
mistake(
    "not-a-list",
    "Several things are needed, in a list or a tuple.",
    wrong="""
        w = tg.Tensor([1.0], requires_grad=True)
        tg.optim.SGD(w, lr=0.1)
    """,
    right="""
        w = tg.Tensor([1.0], requires_grad=True)
        tg.optim.SGD([w], lr=0.1)
    """,
)
mistake(
    "too-few-arrays",
    "There is nothing to join.",
    wrong="""
        tg.concatenate([])
    """,
    right="""
        tg.concatenate([tg.ones(2)])
    """,
)
mistake(
    "not-a-tensor",
    "A Tensor (or an array that can be written to) is needed here.",
    wrong="""
        tg.draw(3.0)
    """,
    right="""
        x = tg.Tensor(3.0, requires_grad=True)
        tg.draw(x * x)
    """,
)
mistake(
    "not-an-array",
    "`from_numpy` shares memory with an array; a list has none to share.",
    wrong="""
        tg.from_numpy([1.0, 2.0])
    """,
    right="""
        tg.from_numpy(np.array([1.0, 2.0]))
        tg.Tensor([1.0, 2.0])
    """,
)
mistake(
    "not-a-dictionary",
    "Names and what they name come as a dictionary.",
    wrong="""
        x = tg.Tensor(3.0, requires_grad=True)
        tg.draw(x * x, names=["x"])
    """,
    right="""
        x = tg.Tensor(3.0, requires_grad=True)
        tg.draw(x * x, names={"x": x})
    """,
)
mistake(
    "numbers-per-axis",
    "A setting is one number for all axes of the picture, or one for each.",
    wrong="""
        tg.functional.max_pool2d(tg.ones((1, 1, 4, 4)), (2, 2, 2))
    """,
    right="""
        tg.functional.max_pool2d(tg.ones((1, 1, 4, 4)), (2, 2))
    """,
)
mistake(
    "name-taken",
    "Errors, pictures and NumPy's dispatch find an op by its name, so a built-in name can't be given again.",
    wrong="""
        tg.custom_op("exp", np.exp, vjps=(lambda g, out, x: g * out,))
    """,
    right="""
        tg.custom_op("my_exp", np.exp, vjps=(lambda g, out, x: g * out,))
    """,
)
