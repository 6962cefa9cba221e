"""gradcheck: what it needs, and what it finds."""

from tests.catalogue import mistake, section

section("Checking gradients")

mistake(
    "gradcheck-wrong",
    """A derivative differs from its numerical estimate by more than the errors of both sides: the rule is wrong, or it
    belongs to another function.""",
    wrong="""
        cube = tg.custom_op("cube", lambda x: x**3, vjps=(lambda g, out, x: g * 3 * x,))
        tg.gradcheck(cube, [np.array([1.0, 2.0])])
    """,
    right="""
        cube = tg.custom_op("cube", lambda x: x**3, vjps=(lambda g, out, x: g * 3 * x**2,))
        tg.gradcheck(cube, [np.array([1.0, 2.0])])
    """,
)
mistake(
    "gradcheck-not-differentiable-here",
    """The function jumps, or has an infinite slope, exactly at the point of the check: there is no derivative to
    compare with.""",
    wrong="""
        tg.gradcheck(tg.sqrt, [np.array([0.0])])
    """,
    right="""
        tg.gradcheck(tg.sqrt, [np.array([0.5])])
    """,
)
mistake(
    "gradcheck-numeric-side-not-accurate-enough",
    """The numerical derivative itself is not known well enough to judge: most digits of the function's value are lost
    before two of them are subtracted.""",
    wrong="""
        tg.gradcheck(lambda x: x + 1e10, [1.0], method="differences")
    """,
    right="""
        tg.gradcheck(lambda x: x + 1e10, [1.0])
    """,
)
mistake(
    "gradcheck-depends-on-randomness",
    "Two calls with the same inputs gave different values, so a difference of two calls is no derivative.",
    wrong="""
        np.random.seed(0)
        tg.gradcheck(lambda x: x * np.random.random(), [np.array([1.0, 2.0])])
    """,
    right="""
        tg.gradcheck(lambda x: x * np.random.default_rng(0).random(), [np.array([1.0, 2.0])])
    """,
)
mistake(
    "gradcheck-mutates-its-input",
    "The function changes what it is given, so its value depends on how often it was called.",
    wrong="""
        def f(x):
            x.data *= 2
            return (x * x).sum()

        tg.gradcheck(f, [np.array([1.0, 2.0])])
    """,
    right="""
        def f(x):
            x = x * 2
            return (x * x).sum()

        tg.gradcheck(f, [np.array([1.0, 2.0])])
    """,
)
mistake(
    "gradcheck-nothing",
    "There is no number that a derivative could be taken by: whole numbers, an empty array, or no input at all.",
    wrong="""
        tg.gradcheck(lambda x: x * 2, [np.array([1, 2])])
    """,
    right="""
        tg.gradcheck(lambda x: x * 2, [np.array([1.0, 2.0])])
    """,
)
mistake(
    "gradcheck-no-function",
    """The check calls the function again and again with other numbers; a result that is computed already can't be
    checked.""",
    wrong="""
        x = tg.Tensor([1.0, 2.0], requires_grad=True)
        tg.gradcheck((x * x).sum(), [x])
    """,
    right="""
        x = tg.Tensor([1.0, 2.0], requires_grad=True)
        tg.gradcheck(lambda x: (x * x).sum(), [x])
    """,
)
mistake(
    "gradcheck-no-tensor",
    "The function gave something else than Tensors.",
    wrong="""
        tg.gradcheck(lambda x: float((x * x).sum()), [np.array([1.0, 2.0])])
    """,
    right="""
        tg.gradcheck(lambda x: (x * x).sum(), [np.array([1.0, 2.0])])
    """,
)
mistake(
    "gradcheck-complex",
    "Derivatives are checked of real functions of real numbers; a complex number is two of them.",
    wrong="""
        tg.gradcheck(lambda z: z * z, [np.array([1.0 + 2.0j])])
    """,
    right="""
        tg.gradcheck(lambda re, im: re * re - im * im, [1.0, 2.0])
    """,
)
mistake(
    "gradcheck-params",
    "The parameters to be checked were named in a way that finds none.",
    wrong="""
        model = tg.nn.MLP([2, 3, 1])
        tg.gradcheck(model, [np.ones((4, 2))], params="layer3.*")
    """,
    right="""
        model = tg.nn.MLP([2, 3, 1])
        tg.gradcheck(model, [np.ones((4, 2))], params="layer2.*")
    """,
)
mistake(
    "gradcheck-method",
    "There is no numerical method of that name.",
    wrong="""
        tg.gradcheck(tg.exp, [1.0], method="forward")
    """,
    right="""
        tg.gradcheck(tg.exp, [1.0], method="differences")
    """,
)
mistake(
    "gradcheck-not-analytic",
    """The complex step needs a function that goes on into the complex plane; |x| and everything with a kink doesn't.
    `method="auto"` takes differences there.""",
    wrong="""
        tg.gradcheck(tg.abs, [2.0], method="complex")
    """,
    right="""
        tg.gradcheck(tg.abs, [2.0])
    """,
)
mistake(
    "no-hypothesis",
    """The strategies of `tg.testing` draw their numbers by means of hypothesis, a package of its own, which isn't
    installed.""",
    wrong="""
        tg.testing.arrays()
    """,
    right="""
        tg.testing.assert_gradients(tg.tanh, np.array([0.5, 1.0]))
    """,
    before="""
        import sys
        from unittest import mock

        undo.enter_context(mock.patch.dict(sys.modules, {"hypothesis": None}))
    """,
)
mistake(
    "not-floating",
    "Derivatives are taken by numbers with fractions; whole numbers and booleans have none.",
    wrong="""
        tg.testing.arrays(dtype=np.int64)
    """,
    right="""
        tg.testing.arrays(dtype=np.float32)
    """,
)
