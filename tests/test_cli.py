"""The command as a user meets it: what it prints, writes, refuses, and with which exit status it ends."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.cli import main

ACCURACY = re.compile(r"accuracy on unseen digits: \d+\.\d\d %")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(pathlib.Path(tg.__file__).parents[1]), "PYTHONUTF8": "1"}
FILES = ["graph.svg", "history.json", "model.npz"]


def start(*arguments, **options):
    """The command in a process of its own."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": ENVIRONMENT}
    if os.name == "posix":  # a shell's background job ignores Ctrl-C, and what it starts would too
        options.setdefault("preexec_fn", lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    return subprocess.Popen([sys.executable, "-m", "tinygrad_edu", *arguments], **{**pipes, **options})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two epochs, in a folder that tests must not change."""
    path = tmp_path_factory.mktemp("trained") / "run"
    assert main(["train", "--epochs", "2", "--quiet", "--output", str(path)]) == 0
    return path


@pytest.fixture
def without_dot(folder, monkeypatch):
    monkeypatch.setenv("PATH", str(folder / "no-programs-here"))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)


# --- train and evaluate ---


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_default_run_reads_at_least_96_percent_of_unseen_digits(folder, capsys, seed):
    assert main(["train", "--seed", str(seed)]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "network   784-16-16-10, sigmoid, 13,002 parameters"
    assert lines[1] == "data      digits: 1,438 to learn from, 359 held out"
    assert [line.split()[-1] for line in lines[-4:-1]] == [
        os.path.join("runs", "digits", name) for name in ("model.npz", "history.json", "graph.svg")
    ]
    assert ACCURACY.fullmatch(lines[-1])
    assert float(lines[-1].split()[-2]) >= 96
    assert len(err.splitlines()) == 60
    assert sorted(os.listdir("runs/digits")) == FILES

    assert main(["evaluate", "runs/digits"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == lines[-1]


@pytest.mark.parametrize(
    "options",
    [
        ["--loss", "cross_entropy", "--activation", "tanh", "--layers", "784,12,10"],
        ["--optimizer", "adam", "--activation", "relu", "--batch-size", "32", "--weight-decay", "1e-4"],
        [
            "--momentum",
            "0.5",
            "--lr",
            "0.5",
            "--schedule",
            "constant",
            "--layers",
            "784,10",
            "--activation",
            "identity",
        ],
    ],
)
def test_options_reach_the_network_and_the_history_and_evaluate_gives_the_same_number(folder, capsys, options):
    assert main(["train", "--epochs", "3", "--seed", "7", "--quiet", "--output", "a/b", *options]) == 0
    trained, errors = capsys.readouterr()
    assert errors == ""
    history = json.loads((folder / "a/b/history.json").read_text())
    given = dict(zip(options[::2], options[1::2], strict=True))
    settings = history["settings"]
    for option, text in given.items():
        value = settings[option[2:].replace("-", "_")]
        assert text == (
            ",".join(map(str, value)) if isinstance(value, list) else text if value == _plain(text) else value
        )
    assert (settings["seed"], settings["epochs"], len(history["epochs"])) == (7, 3, 3)
    assert history["accuracy"] == max(epoch["accuracy"] for epoch in history["epochs"])
    model = tg.nn.load(folder / "a/b/model.npz")
    assert [layer.in_features for layer in model.layers] == settings["layers"][:-1]
    assert {p.dtype for p in model.parameters()} == {np.dtype(np.float32)}
    assert main(["evaluate", "a/b"]) == 0
    evaluated = capsys.readouterr().out
    assert evaluated.splitlines()[-1] == trained.splitlines()[-1]


def _plain(text):
    try:
        return float(text)
    except ValueError:
        return text


def test_same_seed_same_files(folder, capsys):
    for name in ("a", "b"):
        assert main(["train", "--epochs", "2", "--quiet", "--output", name]) == 0
    for name in ("model.npz", "graph.svg"):
        assert (folder / "a" / name).read_bytes() == (folder / "b" / name).read_bytes()
    assert capsys.readouterr().out.count("accuracy on unseen digits") == 2


def test_the_drawing_shows_the_loss_of_the_trained_network(folder, capsys):
    for loss in ("mse", "cross_entropy"):
        assert main(["train", "--epochs", "1", "--quiet", "--output", loss, "--loss", loss]) == 0
        drawing = (folder / loss / "graph.svg").read_text(encoding="utf8")
        for text in ("layer1.weight", "layer3.bias", "784 → 16", "images", loss, "13,002 parameters"):
            assert text in drawing
    assert capsys.readouterr().err == ""


def test_the_drawing_needs_no_graphviz_and_replaces_an_older_one(folder, without_dot, capsys):
    os.makedirs("run")
    (folder / "run/graph.svg").write_text("of an older run")
    assert main(["train", "--epochs", "1", "--quiet", "--output", "run"]) == 0
    out, err = capsys.readouterr()
    assert os.path.join("run", "graph.svg") in out
    assert err == ""
    assert sorted(os.listdir("run")) == FILES
    assert (folder / "run/graph.svg").read_text(encoding="utf8").startswith("<svg ")


def test_it_stops_early_when_the_loss_is_flat(folder, capsys):
    assert main(["train", "--lr", "1e-9", "--stop-when-flat", "--epochs", "50", "--quiet"]) == 0
    assert "of 4 (loss is flat)" in capsys.readouterr().out
    assert len(json.loads((folder / "runs/digits/history.json").read_text())["epochs"]) == 4


def test_mnist_is_read_from_a_folder_and_evaluated_from_anywhere(folder, capsys, monkeypatch):
    rng = np.random.default_rng(0)
    os.makedirs("mnist")
    for part, count in (("train", 60), ("t10k", 20)):
        header = (b"\0\0\x08\x03", count, 28, 28), (b"\0\0\x08\x01", count)
        images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = rng.integers(0, 10, count, dtype=np.uint8)
        for name, (magic, *sides), array in zip(("images-idx3", "labels-idx1"), header, (images, labels), strict=True):
            content = magic + np.array(sides, ">u4").tobytes() + array.tobytes()
            (folder / "mnist" / f"{part}-{name}-ubyte").write_bytes(content)
    assert main(["train", "--data", "mnist", "--data-dir", "mnist", "--epochs", "1", "--quiet"]) == 0
    trained = capsys.readouterr().out.splitlines()
    assert trained[1] == "data      mnist: 60 to learn from, 20 held out"
    os.makedirs("elsewhere")
    monkeypatch.chdir("elsewhere")
    assert main(["evaluate", "../runs/mnist"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == trained[-1]
    assert main(["evaluate", "../runs/mnist", "--data", "digits"]) == 0
    assert "data      digits: 359 held out" in capsys.readouterr().out


# --- help ---


@pytest.mark.parametrize(
    ("arguments", "example"),
    [
        ([], "tinygrad-edu train"),
        (["train"], "tinygrad-edu train --layers 784"),
        (["evaluate"], "tinygrad-edu evaluate runs/digits"),
    ],
)
def test_help_shows_an_example(arguments, example, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--help"])
    assert ended.value.code == 0
    assert example in capsys.readouterr().out


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"tinygrad-edu {tg.__version__}\n"


# --- bad input: status 2, one message, nothing written ---

USAGE = {
    "no command": ([], "required: COMMAND"),
    "unknown command": (["tran"], "invalid choice: 'tran'"),
    "first layer": (["train", "--layers", "64,16,10"], "the first must be 784, for the 28 × 28 pixels of a digit,"),
    "last layer": (["train", "--layers", "784,16,9"], "the last must be 10, one output for each digit, not 9"),
    "no layers": (["train", "--layers", "sixteen"], "numbers with commas, such as 784,16,16,10, not 'sixteen'"),
    "empty layer": (["train", "--layers", "784,,10"], "must be whole numbers with commas"),
    "no neurons": (["train", "--layers", "784,0,10"], "must be whole numbers with commas"),
    "one layer": (["train", "--layers", "784"], "must be whole numbers with commas"),
    "negative lr": (["train", "--lr", "-1"], "argument --lr: must be a number above 0, not '-1'"),
    "lr 0": (["train", "--lr", "0"], "must be a number above 0, not '0'"),
    "lr nan": (["train", "--lr", "nan"], "must be a number above 0, not 'nan'"),
    "lr inf": (["train", "--lr", "inf"], "must be a number above 0, not 'inf'"),
    "lr word": (["train", "--lr", "fast"], "must be a number above 0, not 'fast'"),
    "activation": (["train", "--activation", "sigmoyd"], "argument --activation: invalid choice: 'sigmoyd'"),
    "loss": (["train", "--loss", "hinge"], "argument --loss: invalid choice: 'hinge'"),
    "momentum": (["train", "--momentum", "1"], "must be a number from 0 to below 1, not '1'"),
    "epochs": (["train", "--epochs", "0"], "must be a whole number of at least 1, not '0'"),
    "batch": (["train", "--batch-size", "2.5"], "must be a whole number of at least 1, not '2.5'"),
    "seed": (["train", "--seed", "-1"], "must be a whole number of at least 0, not '-1'"),
    "abbreviated": (["train", "--epo", "3"], "unrecognized arguments: --epo"),
    "no run": (["evaluate"], "required: RUN"),
}  # fmt: skip


@pytest.mark.parametrize("case", USAGE)
def test_wrong_usage(case, folder, capsys):
    arguments, text = USAGE[case]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert out == ""
    assert text in err
    assert os.listdir(folder) == []


def spoil_history(change):
    def spoil(run):
        path = run / "history.json"
        facts = json.loads(path.read_text())
        change(facts["settings"])
        path.write_text(json.dumps(facts))

    return spoil


INPUT = {
    "momentum of adam": (["train", "--optimizer", "adam", "--momentum", "0.9"], "--momentum is for --optimizer sgd"),
    "folder for digits": (["train", "--data-dir", "."], "--data-dir is for --data mnist; the digits are bundled"),
    "missing data": (["train", "--data", "mnist", "--data-dir", "nowhere"], "no such folder"),
    "empty data": (["train", "--data", "mnist", "--data-dir", "."], "MNIST is incomplete: 4 of 4 files missing"),
    "output is a file": (["train", "--output", "file"], "file is a file"),
    "output below a file": (["train", "--output", "file/run"], "file is a file"),
    "output not writable": (["train", "--output", "/proc/run"], "can't make the output folder"),
    "missing run": (["evaluate", "nowhere"], "nowhere is not a run\n  why:   no such folder"),
    "empty run": (["evaluate", "."], ". is not a run\n  why:   no history.json in it"),
    "run is a file": (["evaluate", "file"], "file is not a run\n  why:   it is a file; a run is a folder"),
}


@pytest.mark.parametrize("case", INPUT)
def test_wrong_input(case, folder, capsys):
    arguments, text = INPUT[case]
    (folder / "file").write_text("")
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("tinygrad-edu: ")
    assert text in err
    assert "Traceback" not in err
    assert os.listdir(folder) == ["file"]
    assert (folder / "file").read_text() == ""


RUNS = {
    "no model": (lambda run: (run / "model.npz").unlink(), "no such file: model.npz"),
    "cut model": (
        lambda run: (run / "model.npz").write_bytes((run / "model.npz").read_bytes()[:1000]),
        "model.npz is no whole model file",
    ),
    "cut history": (lambda run: (run / "history.json").write_text('{"settings": {'), "is not the history of a run"),
    "binary history": (lambda run: (run / "history.json").write_bytes(b"\xff\xfe"), "is not the history of a run"),
    "other json": (lambda run: (run / "history.json").write_text("[1]"), "is not the history of a run"),
    "no seed": (spoil_history(lambda s: s.pop("seed")), "KeyError: 'seed'"),
    "unknown data": (spoil_history(lambda s: s.update(data="letters")), "settings are not those of a training"),
    "other model": (
        lambda run: tg.nn.MLP([64, 10]).save(run / "model.npz"),
        "layer1 expects (…, 64), got (359, 784)",
    ),
}


@pytest.mark.parametrize("case", RUNS)
def test_a_damaged_run(case, run, folder, capsys):
    spoil, text = RUNS[case]
    copy = folder / "copy"
    copy.mkdir()
    for name in ("model.npz", "history.json"):
        (copy / name).write_bytes((run / name).read_bytes())
    spoil(copy)
    assert main(["evaluate", str(copy)]) == 2
    out, err = capsys.readouterr()
    assert "accuracy" not in out
    assert err.startswith("tinygrad-edu: ")
    assert text in err


# --- training that goes wrong ---


def test_a_huge_learning_rate_ends_with_a_message_and_writes_nothing(folder, capsys):
    arguments = ["train", "--activation", "relu", "--loss", "cross_entropy", "--lr", "1e30", "--output", "new/run"]
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert "accuracy" not in out
    assert re.match(r"tinygrad-edu: the loss is (nan|inf) at step \d+ of epoch 1: training can't go on\n", err)
    assert "SGD with lr=1e+30" in err
    assert "a smaller learning rate" in err
    assert os.listdir(folder) == []


def test_a_folder_that_cannot_be_written_is_told_before_training(folder, capsys, monkeypatch):
    (folder / "run").mkdir()

    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.touch", refuse)
    assert main(["train", "--output", "run"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("tinygrad-edu: can't write into run\n  where: ")


def test_an_older_run_survives_a_training_that_fails(run, folder, capsys):
    copy = folder / "run"
    copy.mkdir()
    for name in ("model.npz", "history.json"):
        (copy / name).write_bytes((run / name).read_bytes())
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    assert (
        main(["train", "--activation", "identity", "--loss", "cross_entropy", "--lr", "1e30", "--output", "run"]) == 1
    )
    assert "training can't go on" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


def test_diverging_after_a_good_epoch_keeps_the_good_model(folder, capsys, monkeypatch):
    from tinygrad_edu import train as training

    real = training._one_epoch

    def second_fails(model, steps, compute_loss, optimizer, history, show):
        if len(history) == 1:
            model.layer1.weight.data = np.full((784, 16), np.nan, np.float32)
        return real(model, steps, compute_loss, optimizer, history, show)

    monkeypatch.setattr(training, "_one_epoch", second_fails)
    assert main(["train", "--epochs", "3", "--quiet"]) == 1
    out, err = capsys.readouterr()
    assert "best      epoch 1 of 1 (loss is not finite)" in out
    assert ACCURACY.fullmatch(out.splitlines()[-1])
    assert "the loss is nan at step 1 of epoch 2" in err
    assert "kept:      the model as it was after epoch 1, its best" in err
    assert main(["evaluate", "runs/digits"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == out.splitlines()[-1]


# --- processes: signals, pipes, terminals ---


def test_ctrl_c_keeps_the_best_model_and_says_so(folder):
    process = start("train", "--epochs", "100000", cwd=folder)
    assert process.stderr.readline().startswith("epoch      1/100000  loss ")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "(interrupted)" in out
    assert ACCURACY.fullmatch(out.splitlines()[-1])
    assert "Traceback" not in err
    assert {"history.json", "model.npz"} < set(os.listdir(folder / "runs/digits"))
    assert not [name for name in os.listdir(folder / "runs/digits") if name.startswith(".")]


def test_ctrl_c_before_the_first_epoch_writes_nothing(folder):
    process = start("train", "--batch-size", "1", "--layers", "784,4000,4000,10", cwd=folder)
    assert process.stdout.readline().startswith("network   784-4000-4000-10")
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "accuracy" not in out
    assert err == "interrupted before the first epoch was finished; nothing was written\n"
    assert os.listdir(folder) == []


@pytest.mark.parametrize("command", ["train --epochs 2", "train --epochs 2 2>&1", "train --help", "--help"])
def test_a_reader_that_leaves_early_is_no_error(folder, command):
    shell = f'set -o pipefail; "{sys.executable}" -m tinygrad_edu {command} | head -n 1'
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, cwd=folder, env=ENVIRONMENT)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert "rror" not in done.stderr
    assert ("runs" in os.listdir(folder)) == ("--help" not in command)


def test_a_closed_or_full_output_is_no_traceback(folder):
    done = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -m tinygrad_edu train --epochs 1 --quiet >&-'],
        capture_output=True, text=True, cwd=folder, env=ENVIRONMENT,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    if os.path.exists("/dev/full"):
        for command in ("evaluate runs/digits", "--help", "--version"):
            shell = f'"{sys.executable}" -m tinygrad_edu {command} >/dev/full'
            done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, cwd=folder, env=ENVIRONMENT)
            assert done.returncode == 2
            assert "No space left on device" in done.stderr
            assert "Traceback" not in done.stderr


def test_on_a_terminal_progress_is_a_bar(folder):
    pty = pytest.importorskip("pty", reason="pseudo-terminals are there on Unix only")
    ours, theirs = pty.openpty()
    process = start("train", "--epochs", "3", cwd=folder, stderr=theirs)
    os.close(theirs)
    out, _ = process.communicate(timeout=60)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # how a terminal ends
        pass
    finally:
        os.close(ours)
    assert process.returncode == 0
    assert ACCURACY.fullmatch(out.splitlines()[-1])
    assert b"epoch 3/3 100 %|" in shown
    assert b"held-out " in shown


def test_importing_the_package_imports_neither_tqdm_nor_graphviz_nor_argparse():
    code = (
        "import sys, tinygrad_edu; print([m for m in ('tqdm', 'graphviz', 'argparse', 'zipfile') if m in sys.modules])"
    )
    numpys = "import sys, numpy; print([m for m in ('tqdm', 'graphviz', 'argparse', 'zipfile') if m in sys.modules])"
    ours, theirs = (
        subprocess.run([sys.executable, "-c", c], capture_output=True, text=True, env=ENVIRONMENT, check=True).stdout
        for c in (code, numpys)
    )
    assert ours == theirs


@pytest.mark.parametrize("command", [["explain"], ["draw"], ["explore"], ["--help"], ["gradcheck", "--help"]])
def test_a_terminal_that_knows_only_ascii_gets_codes_for_other_signs(folder, command):
    plain = {**ENVIRONMENT, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    out, err = start(*command, env=plain, cwd=folder).communicate(timeout=60)
    assert err == ""
    assert out.isascii()
    assert command[0] != "explain" or r"\u2202" in out


def test_an_error_of_a_command_names_no_line_of_the_command_itself(folder):
    (folder / "mine.py").write_text("def nothing(): pass\n", encoding="utf-8")
    command = start("gradcheck", "mine.py:nothing", cwd=folder)
    out, err = command.communicate(timeout=60)
    assert (command.returncode, out) == (2, "")
    assert "the inputs have no entries" in err
    assert "where:" not in err


def test_output_to_what_is_no_file_goes_through_it_and_leaves_it_there(folder):
    os.mkfifo(folder / "pipe.svg")
    command = start("draw", "-o", "pipe.svg", cwd=folder)
    content = (folder / "pipe.svg").read_bytes()
    assert command.communicate(timeout=60)[1] == ""
    assert content.startswith(b"<svg")
    assert (folder / "pipe.svg").is_fifo()
