"""The command line, and files of the user's that it looks at."""

from tests.catalogue import mistake, section

section("Commands")

mistake(
    "not-a-run",
    "A run is the folder that `tinygrad-edu train` wrote: a model, its history and a picture.",
    wrong="""
        $ tinygrad-edu evaluate runs/today
    """,
)
mistake(
    "which-function",
    "The file defines several functions (or none); which one is meant stands after the colon.",
    wrong="""
        with open("loss.py", "w") as file:
            file.write("def one(x=1.0): return x\\ndef two(x=2.0): return x\\n")
        load("loss.py")
    """,
    right="""
        with open("loss.py", "w") as file:
            file.write("def one(x=1.0): return x\\ndef two(x=2.0): return x\\n")
        load("loss.py:two")
    """,
    before="from tinygrad_edu.commands.target import load",
)
mistake(
    "no-such-function",
    "The file has no function of that name.",
    wrong="""
        with open("loss.py", "w") as file:
            file.write("def squared(x=1.0): return x * x\\n")
        load("loss.py:square")
    """,
    right="""
        with open("loss.py", "w") as file:
            file.write("def squared(x=1.0): return x * x\\n")
        load("loss.py:squared")
    """,
    before="from tinygrad_edu.commands.target import load",
)
mistake(
    "no-arguments",
    """The command calls the function, so it needs a value for every argument: a default, or the file's variable
    `inputs`.""",
    wrong="""
        with open("loss.py", "w") as file:
            file.write("def squared(x): return x * x\\n")
        load("loss.py:squared").call()
    """,
    right="""
        with open("loss.py", "w") as file:
            file.write("def squared(x): return x * x\\ninputs = [3.0]\\n")
        load("loss.py:squared").call()
    """,
    before="from tinygrad_edu.commands.target import load",
)
mistake(
    "user-code-syntax",
    "The file is not valid Python.",
    wrong="""
        with open("loss.py", "w") as file:
            file.write("def squared(x=1.0) return x * x\\n")
        load("loss.py:squared")
    """,
    right="""
        with open("loss.py", "w") as file:
            file.write("def squared(x=1.0): return x * x\\n")
        load("loss.py:squared")
    """,
    before="from tinygrad_edu.commands.target import load",
)
mistake(
    "user-code-failed",
    "The file's own code raised an error; its line and its words follow.",
    wrong="""
        with open("loss.py", "w") as file:
            file.write("def squared(x=1.0): return x * y\\n")
        load("loss.py:squared").call()
    """,
    right="""
        with open("loss.py", "w") as file:
            file.write("def squared(x=1.0): return x * x\\n")
        load("loss.py:squared").call()
    """,
    before="from tinygrad_edu.commands.target import load",
)
mistake(
    "which-result",
    "The function gives several Tensors, here a dictionary with the keys `square` and `cube`; one is drawn.",
    wrong="""
        $ tinygrad-edu draw powers.py
    """,
    right="""
        $ tinygrad-edu draw powers.py --result "['square']"
    """,
    before="""
        with open("powers.py", "w") as file:
            file.write("import tinygrad_edu as tg\\n")
            file.write("def powers(x=tg.Tensor(2.0, requires_grad=True)): return {'square': x * x, 'cube': x**3}\\n")
    """,
)
mistake(
    "option-without-meaning",
    "The option belongs to another use of the command.",
    wrong="""
        $ tinygrad-edu gradcheck --params "layer2.*"
    """,
    right="""
        $ tinygrad-edu gradcheck --ops "log1p" --cases 1
    """,
)
mistake(
    "no-such-op",
    "No op of the table has that name, or one that fits the pattern.",
    wrong="""
        $ tinygrad-edu gradcheck --ops "softmaxx"
    """,
    right="""
        $ tinygrad-edu gradcheck --ops "softmax" --cases 1
    """,
)
