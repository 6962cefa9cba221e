"""Functions that are handed to tg.grad, vmap, checkpoint, custom ops."""

from tests.catalogue import mistake, section

section("Functions given to the engine")

mistake(
    "not-callable",
    "A function is needed, and this can't be called.",
    wrong="""
        x = tg.Tensor([1.0, 2.0], requires_grad=True)
        tg.grad((x * x).sum())(x)
    """,
    right="""
        x = tg.Tensor([1.0, 2.0], requires_grad=True)
        tg.grad(lambda x: (x * x).sum())(x)
    """,
)
mistake(
    "no-tensor-returned",
    "A function to be differentiated gives a Tensor. `float()`, `.item()` and `.numpy()` leave the graph.",
    wrong="""
        tg.grad(lambda x: float(x * x))(3.0)
    """,
    right="""
        tg.grad(lambda x: x * x)(3.0)
    """,
)
mistake(
    "no-pair-returned",
    "With `has_aux=True` the function gives two things: the value, and whatever else is to be handed through.",
    wrong="""
        tg.grad(lambda x: x * x, has_aux=True)(3.0)
    """,
    right="""
        tg.grad(lambda x: (x * x, "anything else"), has_aux=True)(3.0)
    """,
)
mistake(
    "wrong-shape-returned",
    "A hook, an initialiser or a function applied to parts gave an array of another shape than is needed.",
    wrong="""
        x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
        x.register_hook(lambda g: g.sum())
        (x * x).sum().backward()
    """,
    right="""
        x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
        x.register_hook(lambda g: g / (g * g).sum() ** 0.5)
        (x * x).sum().backward()
    """,
)
mistake(
    "no-such-argument",
    "`argnums` names an argument, by place or by name, that the call doesn't have.",
    wrong="""
        tg.grad(lambda x: x * x, argnums=1)(3.0)
    """,
    right="""
        tg.grad(lambda x, y: x * y, argnums=1)(3.0, 2.0)
    """,
)
mistake(
    "tree-does-not-match",
    "Tangents, axes and the like come in lists and dicts of the same form as the arguments they belong to.",
    wrong="""
        tg.jvp(lambda x, y: x * y, (3.0, 2.0), (1.0,))
    """,
    right="""
        tg.jvp(lambda x, y: x * y, (3.0, 2.0), (1.0, 0.0))
    """,
)
mistake(
    "function-does-not-repeat",
    """The function gave another value when it was called again with the same arguments, so its gradient belongs to
    another function. Random numbers need a generator made from a seed inside.""",
    wrong="""
        rng = np.random.default_rng(0)
        noisy = tg.checkpoint(lambda x: x * rng.normal())
        noisy(tg.Tensor(1.0, requires_grad=True)).backward()
    """,
    right="""
        noisy = tg.checkpoint(lambda x: x * np.random.default_rng(0).normal())
        noisy(tg.Tensor(1.0, requires_grad=True)).backward()
    """,
)
mistake(
    "no-single-value-in-vmap",
    "Inside `vmap` a tensor stands for all samples at once, so there is no one number to branch on or to print.",
    wrong="""
        def f(x):
            return x * 2 if x > 0 else -x

        tg.vmap(f)(tg.Tensor([1.0, -1.0]))
    """,
    right="""
        def f(x):
            return tg.where(x > 0, x * 2, -x)

        tg.vmap(f)(tg.Tensor([1.0, -1.0]))
    """,
)
mistake(
    "unequal-sample-counts",
    "What belongs to the samples one by one must have as many entries as there are samples.",
    wrong="""
        tg.vmap(lambda x, y: x * y)(tg.ones((3, 2)), tg.ones(4))
    """,
    right="""
        tg.vmap(lambda x, y: x * y)(tg.ones((3, 2)), tg.ones(3))
    """,
)
