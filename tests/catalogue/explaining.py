"""explain, four_equations, and what they look at."""

from tests.catalogue import mistake, section

section("Explaining gradients")

mistake(
    "explain-output",
    "A gradient is explained for one number.",
    wrong="""
        x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
        tg.explain(x * x, x)
    """,
    right="""
        x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
        tg.explain((x * x).sum(), x)
    """,
)
mistake(
    "explain-wrt",
    "What to differentiate by is a Tensor of the graph, or its name.",
    wrong="""
        x = tg.Tensor(3.0, requires_grad=True, name="x")
        tg.explain(x * x, 3.0)
    """,
    right="""
        x = tg.Tensor(3.0, requires_grad=True, name="x")
        tg.explain(x * x, x)
    """,
)
mistake(
    "explain-unknown-name",
    "Nothing in the graph has that name.",
    wrong="""
        x = tg.Tensor(3.0, requires_grad=True, name="x")
        tg.explain(x * x, "y")
    """,
    right="""
        x = tg.Tensor(3.0, requires_grad=True, name="x")
        tg.explain(x * x, "x")
    """,
)
mistake(
    "explain-index",
    "`index` chooses one element of the tensor: one whole number per axis.",
    wrong="""
        w = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True, name="w")
        tg.explain((w * w).sum(), w, index=3)
    """,
    right="""
        w = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True, name="w")
        tg.explain((w * w).sum(), w, index=(1, 1))
    """,
)
mistake(
    "explain-paths",
    "`paths` counts the paths to be shown.",
    wrong="""
        x = tg.Tensor(3.0, requires_grad=True, name="x")
        tg.explain(x * x, x, paths=0)
    """,
    right="""
        x = tg.Tensor(3.0, requires_grad=True, name="x")
        tg.explain(x * x, x, paths=1)
    """,
)
mistake(
    "explain-too-many-numbers",
    """One element is followed through every single number it reaches, and here it reaches too many to be read, or
    computed.""",
    wrong="""
        w = tg.Tensor(np.ones((2000, 2000)), requires_grad=True, name="w")
        loss = (w @ w @ w).sum()
        tg.explain(loss, w, index=(0, 0))
    """,
    right="""
        w = tg.Tensor(np.ones((2000, 2000)), requires_grad=True, name="w")
        loss = (w * w).sum()
        tg.explain(loss, w)
    """,
)
mistake(
    "four-equations-network",
    "BP1 … BP4 are about layers in a row, each a linear map and an activation of its own.",
    wrong="""
        network = tg.nn.Sequential(tg.sigmoid, tg.nn.Linear(2, 1))
        tg.four_equations(network, np.ones((1, 2)), np.ones((1, 1)))
    """,
    right="""
        network = tg.nn.Sequential(tg.nn.Linear(2, 1), tg.sigmoid)
        tg.four_equations(network, np.ones((1, 2)), np.ones((1, 1)))
    """,
)
mistake(
    "four-equations-frozen",
    "A frozen parameter has no gradient that the formula could be compared with.",
    wrong="""
        network = tg.nn.MLP([2, 3, 1])
        network.layer1.weight.requires_grad = False
        tg.four_equations(network, np.ones((1, 2)), np.ones((1, 1)))
    """,
    right="""
        network = tg.nn.MLP([2, 3, 1])
        tg.four_equations(network, np.ones((1, 2)), np.ones((1, 1)))
    """,
)
mistake(
    "four-equations-quantity",
    "The equations are about errors δ, weights and biases of the layers, and this is none of them.",
    wrong="""
        report = tg.four_equations(tg.nn.MLP([2, 3, 1]), np.ones((1, 2)), np.ones((1, 1)))
        report["δ7"]
    """,
    right="""
        report = tg.four_equations(tg.nn.MLP([2, 3, 1]), np.ones((1, 2)), np.ones((1, 1)))
        report["δ2"]
    """,
)
