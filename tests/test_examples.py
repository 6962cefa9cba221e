"""Every example runs in its quick mode, from another folder, and writes what it says it writes."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example_runs_and_writes_what_it_says(path, tmp_path):
    done = subprocess.run([sys.executable, path, "--quick"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    written = [line.removeprefix("wrote ") for line in done.stdout.splitlines() if line.startswith("wrote ")]
    assert written
    assert all((tmp_path / name).stat().st_size > 0 for name in written)


def test_the_table_of_contents_names_every_example():
    contents = (EXAMPLES[0].parent / "README.md").read_text(encoding="utf8")
    assert [path.name for path in EXAMPLES if f"`{path.name}`" not in contents] == []
