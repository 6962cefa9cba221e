"""Pictures of graphs."""

from tests.catalogue import mistake, section

section("Pictures")

mistake(
    "not-a-function",
    "Arguments were given, but what they are given to is a Tensor that is computed already.",
    wrong="""
        a = tg.Tensor(2.0, requires_grad=True)
        tg.draw(a * 3.0, 4.0)
    """,
    right="""
        tg.draw(lambda a, b: a * b, 2.0, 3.0)
    """,
)
mistake(
    "no-tensor",
    "A picture is drawn of one Tensor, and the function gave something else.",
    wrong="""
        tg.draw(lambda a, b: (a * b, a + b), 2.0, 3.0)
    """,
    right="""
        tg.draw(lambda a, b: a * b, 2.0, 3.0)
    """,
)
mistake(
    "not-in-graph",
    "The picture is to show a tensor that isn't part of this graph.",
    wrong="""
        a = tg.Tensor(2.0, requires_grad=True, name="a")
        tg.draw(a * 3.0, focus="b")
    """,
    right="""
        a = tg.Tensor(2.0, requires_grad=True, name="a")
        tg.draw(a * 3.0, focus="a")
    """,
)
mistake(
    "picture-too-large",
    "So many cards are no picture that anybody reads; Graphviz would need minutes.",
    wrong="""
        x = tg.Tensor(1.0, requires_grad=True)
        for step in range(2500):
            x = tg.sin(x) * x
        tg.draw(x)
    """,
    right="""
        x = tg.Tensor(1.0, requires_grad=True)
        for step in range(3):
            x = tg.sin(x) * x
        tg.draw(x)
    """,
)
mistake(
    "wrong-file-type",
    """The suffix of the file says what it should be, and this one is unknown; or the file's content is of another
    kind.""",
    wrong="""
        a = tg.Tensor(2.0, requires_grad=True, name="a")
        tg.draw(a * 3.0).save("graph.jpg")
    """,
    right="""
        a = tg.Tensor(2.0, requires_grad=True, name="a")
        tg.draw(a * 3.0).save("graph.svg")
    """,
)
mistake(
    "graphviz-not-found",
    "PNG and PDF are made by Graphviz, a program of its own, which isn't installed. SVG and HTML need nothing.",
    wrong="""
        a = tg.Tensor(2.0, requires_grad=True, name="a")
        tg.draw(a * 3.0).save("graph.png")
    """,
    right="""
        a = tg.Tensor(2.0, requires_grad=True, name="a")
        tg.draw(a * 3.0).save("graph.svg")
    """,
    before="""
        import os, sys
        from unittest import mock

        os.environ["PATH"] = ""
        undo.enter_context(mock.patch("importlib.util.find_spec", lambda *_: None))
    """,
)
mistake(
    "graphviz-failed",
    "Graphviz is there, but it couldn't make the picture; its own words follow.",
    wrong="""
        a = tg.Tensor(2.0, requires_grad=True, name="a")
        tg.draw(a * 3.0).save("graph.png")
    """,
    right="""
        a = tg.Tensor(2.0, requires_grad=True, name="a")
        tg.draw(a * 3.0).save("graph.svg")
    """,
    before="""
        import os, pathlib

        dot = pathlib.Path("dot")
        dot.write_text("#!/bin/sh\\necho 'dot: not enough memory' >&2; exit 1\\n")
        dot.chmod(0o755)
        os.environ["PATH"] = os.getcwd() + os.pathsep + os.environ["PATH"]
    """,
)
mistake(
    "not-layers-in-a-row",
    """Neurons are drawn of layers one after the other, each x @ W + b and an activation. `tg.draw` draws the graph of
    any model.""",
    wrong="""
        tg.draw_network(lambda x: tg.sin(x), np.ones(3))
    """,
    right="""
        tg.draw_network(tg.nn.MLP([3, 2, 1]), np.ones(3))
    """,
)
mistake(
    "no-input",
    "The layers of a function are only seen when it runs, so it needs something to run on.",
    wrong="""
        w = tg.Tensor(np.ones((3, 2)), requires_grad=True)
        tg.draw_network(lambda x: tg.sigmoid(x @ w), mode="weights")
    """,
    right="""
        w = tg.Tensor(np.ones((3, 2)), requires_grad=True)
        tg.draw_network(lambda x: tg.sigmoid(x @ w), np.ones(3), mode="weights")
    """,
)
mistake(
    "no-target",
    "What the cost wants of the neurons depends on what should come out.",
    wrong="""
        tg.draw_network(tg.nn.MLP([3, 2, 1]), np.ones(3), mode="wants")
    """,
    right="""
        tg.draw_network(tg.nn.MLP([3, 2, 1]), np.ones(3), np.zeros(1), mode="wants")
    """,
)
mistake(
    "target-does-not-fit",
    "A target is a class for each sample, or values of the output's shape.",
    wrong="""
        tg.draw_network(tg.nn.MLP([3, 2, 2]), np.ones(3), np.zeros(5), mode="wants")
    """,
    right="""
        tg.draw_network(tg.nn.MLP([3, 2, 2]), np.ones(3), np.zeros(2), mode="wants")
    """,
)
mistake(
    "count-does-not-match",
    "There are more outputs than labels for them, or fewer.",
    wrong="""
        tg.draw_network(tg.nn.MLP([3, 2, 2]), np.ones(3), labels=["yes", "no", "perhaps"])
    """,
    right="""
        tg.draw_network(tg.nn.MLP([3, 2, 2]), np.ones(3), labels=["yes", "no"])
    """,
)
