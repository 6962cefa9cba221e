"""Files and data sets."""

from tests.catalogue import mistake, section

section("Files and data")

mistake(
    "no-such-file",
    "There is no file of that name in that folder.",
    wrong="""
        tg.nn.load("model.npz")
    """,
    right="""
        tg.nn.MLP([2, 3, 1]).save("model.npz")
        tg.nn.load("model.npz")
    """,
)
mistake(
    "no-such-folder",
    "There is no folder of that name.",
    wrong="""
        tg.nn.MLP([2, 3, 1]).save("models/model.npz")
    """,
    right="""
        import os

        os.makedirs("models")
        tg.nn.MLP([2, 3, 1]).save("models/model.npz")
    """,
)
mistake(
    "file-not-readable",
    "The file is there, but it can't be read: it is a folder, or belongs to somebody else.",
    wrong="""
        import os

        os.makedirs("model.npz")
        tg.nn.load("model.npz")
    """,
    right="""
        tg.nn.MLP([2, 3, 1]).save("model.npz")
        tg.nn.load("model.npz")
    """,
)
mistake(
    "file-not-writable",
    "The file can't be written there. Files are written whole or not at all: what was there before is as it was.",
    wrong="""
        import os

        os.makedirs("model.npz")
        tg.nn.MLP([2, 3, 1]).save("model.npz")
    """,
    right="""
        tg.nn.MLP([2, 3, 1]).save("model.npz")
    """,
)
mistake(
    "damaged-file",
    "The file is cut short, or holds something else than its name says.",
    wrong="""
        with open("model.npz", "wb") as file:
            file.write(b"half of a model")
        tg.nn.load("model.npz")
    """,
    right="""
        tg.nn.MLP([2, 3, 1]).save("model.npz")
        tg.nn.load("model.npz")
    """,
)
mistake(
    "no-whole-model",
    "The file holds parameters, but not how the model is built: it is of a class of your own.",
    wrong="""
        class Net(tg.nn.Module):
            def __init__(self):
                self.layer = tg.nn.Linear(2, 1)

        Net().save("net.npz")
        tg.nn.load("net.npz")
    """,
    right="""
        class Net(tg.nn.Module):
            def __init__(self):
                self.layer = tg.nn.Linear(2, 1)

        Net().save("net.npz")
        Net().load_state_dict(tg.nn.load_state("net.npz"))
    """,
)
mistake(
    "mnist-incomplete",
    "MNIST is four files, and not all of them are there.",
    wrong="""
        import os

        os.makedirs("mnist")
        tg.data.mnist("mnist")
    """,
    right="""
        train, test = tg.data.digits()  # bundled, no download
    """,
)
mistake(
    "download-failed",
    "None of the mirrors gave the file: there is no network, or something in between.",
    wrong="""
        tg.data.mnist()
    """,
    right="""
        train, test = tg.data.digits()  # bundled, no download
    """,
    before="""
        import os, sys
        from unittest import mock

        def no_network(*_):
            raise OSError("no network")

        os.environ["XDG_CACHE_HOME"] = os.environ["LOCALAPPDATA"] = os.getcwd()
        undo.enter_context(mock.patch.object(sys.modules["tinygrad_edu.data.mnist"], "_fetch", no_network))
    """,
)
mistake(
    "bundled-data-missing",
    "The digits are part of the package, so the installation is incomplete.",
    wrong="""
        tg.data.digits()
    """,
    before="""
        from unittest import mock

        def missing(*_, **__):
            raise FileNotFoundError

        undo.enter_context(mock.patch.object(np, "load", missing))
    """,
)
