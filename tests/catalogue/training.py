"""Optimisers and the training loop."""

from tests.catalogue import mistake, section

section("Training")

mistake(
    "no-parameters",
    "There is nothing to optimise: activations and other functions have no parameters.",
    wrong="""
        model = tg.nn.Sequential(tg.nn.ReLU())
        tg.optim.SGD(model.parameters(), lr=0.1)
    """,
    right="""
        model = tg.nn.Sequential(tg.nn.Linear(2, 1), tg.nn.ReLU())
        tg.optim.SGD(model.parameters(), lr=0.1)
    """,
)
mistake(
    "parameter-twice",
    "A parameter that is given twice would be moved twice in each step.",
    wrong="""
        w = tg.Tensor([1.0], requires_grad=True, name="w")
        tg.optim.SGD([w, w], lr=0.1)
    """,
    right="""
        w = tg.Tensor([1.0], requires_grad=True, name="w")
        tg.optim.SGD([w], lr=0.1)
    """,
)
mistake(
    "training-diverged",
    """The loss is no finite number any more. Mostly the learning rate is too large: each step overshoots, and the
    weights grow without bounds. The model is as it was after its best epoch.""",
    wrong="""
        train, test = tg.data.digits(size=8)
        model = tg.nn.MLP([64, 16, 10], activation="relu", output_activation=None)
        tg.train.fit(model, train, test, lr=1e30, epochs=2, progress=False)
    """,
    right="""
        train, test = tg.data.digits(size=8)
        model = tg.nn.MLP([64, 16, 10], activation="relu", output_activation=None)
        tg.train.fit(model, train, test, lr=0.01, epochs=2, progress=False)
    """,
)
mistake(
    "parameters-in-a-list",
    """A warning, once per attribute: a module finds the parameters of its attributes, not those inside plain lists and
    dictionaries. An optimiser made with `model.parameters()` would leave them as they are.""",
    wrong="""
        class Net(tg.nn.Module):
            def __init__(self):
                self.layers = [tg.nn.Linear(2, 2), tg.nn.Linear(2, 1)]

        Net().parameters()
    """,
    right="""
        class Net(tg.nn.Module):
            def __init__(self):
                self.layers = tg.nn.ModuleList([tg.nn.Linear(2, 2), tg.nn.Linear(2, 1)])

        Net().parameters()
    """,
)
mistake(
    "step-without-gradients",
    """A warning, once per optimiser: no parameter has a gradient, so nothing is learnt. Either `backward()` is missing,
    or the gradients were cleared after it, or the optimiser holds parameters that the model has no more.""",
    wrong="""
        w = tg.Tensor([1.0, 2.0], requires_grad=True)
        optimizer = tg.optim.SGD([w], lr=0.1)
        (w * w).sum().backward()
        optimizer.zero_grad()
        optimizer.step()
    """,
    right="""
        w = tg.Tensor([1.0, 2.0], requires_grad=True)
        optimizer = tg.optim.SGD([w], lr=0.1)
        optimizer.zero_grad()
        (w * w).sum().backward()
        optimizer.step()
    """,
)
mistake(
    "gradients-not-cleared",
    """A warning, once per optimiser: backward adds to `.grad`, so without a `zero_grad()` the gradients of earlier
    batches are in every later step. Two losses before one step are fine; where parts of a batch are meant to add up,
    say `step(accumulated=True)`.""",
    wrong="""
        w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
        optimizer = tg.optim.SGD([w], lr=0.1)
        for epoch in range(2):
            (w * w).sum().backward()
            optimizer.step()
    """,
    right="""
        w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
        optimizer = tg.optim.SGD([w], lr=0.1)
        for epoch in range(2):
            optimizer.zero_grad()
            (w * w).sum().backward()
            optimizer.step()
    """,
)
