"""Backward: what it needs, and what it can't do."""

from tests.catalogue import mistake, section

section("Gradients")

mistake(
    "not-a-scalar",
    """A derivative is of one number. Of several numbers there is a whole matrix of derivatives, and a silent sum over
    them would hide a missing `.mean()`.""",
    wrong="""
        x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
        y = x * x
        y.backward()
    """,
    right="""
        x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
        y = x * x
        y.mean().backward()
    """,
)
mistake(
    "no-gradient-path",
    """Nothing that the value was computed from requires grad, or the path to it was cut on the way: by `detach()`,
    inside `no_grad()`, by a cast to integers or by an op without a derivative. The message names the nearest cut.""",
    wrong="""
        w = tg.Tensor([1.0, 2.0], requires_grad=True)
        h = w.detach() * 3
        h.sum().backward()
    """,
    right="""
        w = tg.Tensor([1.0, 2.0], requires_grad=True)
        h = w * 3
        h.sum().backward()
    """,
)
mistake(
    "needs-requires-grad",
    "A gradient, a hook or `.grad` was asked of a tensor that no gradient will ever reach: it is a constant.",
    wrong="""
        x = tg.Tensor([1.0, 2.0], name="x")
        x.register_hook(print)
    """,
    right="""
        x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
        x.register_hook(print)
    """,
)
mistake(
    "not-a-leaf",
    """Only a leaf, a tensor that was not computed, has a place of its own for a value and a gradient. A computed
    tensor is what its recipe says.""",
    wrong="""
        w = tg.Tensor([1.0, 2.0], requires_grad=True)
        h = w * 3
        h.requires_grad = False
    """,
    right="""
        w = tg.Tensor([1.0, 2.0], requires_grad=True)
        h = (w * 3).detach()
    """,
)
mistake(
    "gradient-shape",
    "A gradient, or the cotangent that backward starts from, has exactly the shape and meaning of its tensor.",
    wrong="""
        x = tg.Tensor([1.0, 2.0], requires_grad=True)
        (x * x).backward(np.ones(3))
    """,
    right="""
        x = tg.Tensor([1.0, 2.0], requires_grad=True)
        (x * x).backward(np.ones(2))
    """,
)
mistake(
    "gradient-not-kept",
    """A warning, once per tensor: gradients accumulate in leaves; those of the tensors in between are gone after
    backward, unless somebody asked for them before.""",
    wrong="""
        x = tg.Tensor([1.0, 2.0], requires_grad=True)
        h = x * 3
        h.sum().backward()
        h.grad
    """,
    right="""
        x = tg.Tensor([1.0, 2.0], requires_grad=True)
        h = x * 3
        h.retain_grad()
        h.sum().backward()
        h.grad
    """,
)
mistake(
    "freed-graph",
    """`backward(retain_graph=False)` lets go of the graph on the way, which saves memory in large networks; after that
    there is nothing left to go back through.""",
    wrong="""
        x = tg.Tensor([1.0, 2.0], requires_grad=True)
        loss = (x * x).sum()
        loss.backward(retain_graph=False)
        loss.backward()
    """,
    right="""
        x = tg.Tensor([1.0, 2.0], requires_grad=True)
        loss = (x * x).sum()
        loss.backward()
        loss.backward()
    """,
)
mistake(
    "wrong-rule",
    """A rule of an op (its vector-Jacobian product) gave a cotangent of another shape than the argument it is for.
    Only elementwise ops are un-broadcast by the engine; all others give the exact shape.""",
    wrong="""
        first = tg.custom_op("first", lambda x: x[:1], vjps=(lambda g, out, x: g,))
        first(tg.Tensor([1.0, 2.0], requires_grad=True)).sum().backward()
    """,
    right="""
        first = tg.custom_op("first", lambda x: x[:1], vjps=(lambda g, out, x: np.pad(g, (0, x.size - 1)),))
        first(tg.Tensor([1.0, 2.0], requires_grad=True)).sum().backward()
    """,
)
mistake(
    "no-derivative-there",
    """The function has a value there, but no derivative: eigenvectors of equal eigenvalues are any basis of their
    space, so the smallest change of the matrix turns them at will.""",
    wrong="""
        a = tg.Tensor(np.eye(2), requires_grad=True)
        values, vectors = tg.linalg.eigh(a)
        vectors.sum().backward()
    """,
    right="""
        a = tg.Tensor(np.eye(2), requires_grad=True)
        values, vectors = tg.linalg.eigh(a)
        values.sum().backward()
    """,
)
mistake(
    "nan-or-inf",
    """Inside `detect_anomaly()`: the first op, or the first rule on the way back, that made a NaN or an infinity from
    finite numbers. Without it the NaN would only be seen in the loss, far from where it was born.""",
    wrong="""
        x = tg.Tensor([4.0, 0.0], requires_grad=True, name="x")
        with tg.detect_anomaly():
            y = tg.where(x > 0, tg.sqrt(x), 0.0)
            y.sum().backward()
    """,
    right="""
        x = tg.Tensor([4.0, 0.0], requires_grad=True, name="x")
        with tg.detect_anomaly():
            y = tg.where(x > 0, tg.sqrt(tg.where(x > 0, x, 1.0)), 0.0)
            y.sum().backward()
    """,
)
mistake(
    "complex-gradient",
    """Gradients are of real numbers here. A complex number is two real ones, and which of the possible conventions for
    its derivative is meant would have to be guessed.""",
    wrong="""
        z = tg.Tensor([1.0 + 2.0j], requires_grad=True)
    """,
    right="""
        re, im = tg.Tensor([1.0], requires_grad=True), tg.Tensor([2.0], requires_grad=True)
        (re * re + im * im).sum().backward()
    """,
)
mistake(
    "integers-have-no-gradient",
    "A derivative asks what a small change does, and whole numbers can't change by a little.",
    wrong="""
        x = tg.Tensor(np.array([1, 2, 3]), requires_grad=True)
    """,
    right="""
        x = tg.Tensor(np.array([1, 2, 3]).astype(float), requires_grad=True)
    """,
)
mistake(
    "plain-array-of-tracked-tensor",
    """A NumPy array has no room for a recipe: what is computed from it would have no gradient, and nobody would
    notice. NumPy's functions take Tensors themselves.""",
    wrong="""
        w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
        np.asarray(w)
    """,
    right="""
        w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
        np.exp(w).sum().backward()
        np.asarray(w.detach())
    """,
)
mistake(
    "list-of-tracked-tensors",
    """`Tensor(...)` makes a new leaf of numbers; from a list of tensors it would take the numbers and drop the
    gradients.""",
    wrong="""
        a = tg.Tensor(1.0, requires_grad=True)
        tg.Tensor([a, a * 2])
    """,
    right="""
        a = tg.Tensor(1.0, requires_grad=True)
        tg.stack([a, a * 2])
    """,
)
mistake(
    "no-gradient-through-parameter",
    """Some arguments of an op are settings, not inputs: the op has no derivative by them, so a tensor that requires
    grad can stand there only by mistake.""",
    wrong="""
        x = tg.Tensor([1.0, 2.0], requires_grad=True)
        edges = tg.Tensor([0.0, 1.0, 3.0], requires_grad=True)
        tg.histogram(x, bins=edges)
    """,
    right="""
        x = tg.Tensor([1.0, 2.0], requires_grad=True)
        edges = tg.Tensor([0.0, 1.0, 3.0], requires_grad=True)
        tg.histogram(x, bins=edges.detach())
    """,
)
mistake(
    "no-rule-for-numpy-function",
    """The NumPy function has no derivative rule here. Converting the tensor silently would lose the gradient, so the
    function is refused, and similar ones that have a rule are named.""",
    wrong="""
        x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
        np.fft.fft(x)
    """,
    right="""
        x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
        np.fft.fft(x.detach().numpy())
    """,
)
