"""Freed memory is kept for the next array: a loop over large arrays costs no page faults."""

import os
import platform
import subprocess
import sys

import pytest

LOOP = """
import resource
import numpy as np
{first}
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    arrays = [np.ones(70_000) for _ in range(20)]
    del arrays
before = faults()
for _ in range(20):
    arrays = [np.ones(70_000) for _ in range(20)]  # 11 MB
    del arrays
print(faults() - before)
"""


def page_faults(first):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    run = subprocess.run(
        [sys.executable, "-c", LOOP.format(first=first)], env=environment, capture_output=True, text=True, check=True
    )
    return int(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has a limit that can be raised so")
def test_a_loop_over_large_arrays_costs_no_page_faults_once_the_package_is_there():
    without, kept = page_faults(""), page_faults("import tinygrad_edu")
    assert kept < 500 < without, (kept, without)
