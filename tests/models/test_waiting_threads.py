"""torch's threads sleep while they wait, unless the environment says something else."""

import os
import re
import subprocess
import sys

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere torch has another OpenMP, which shows its settings in other words")
@pytest.mark.parametrize(("given", "rounds"), [({}, "0"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "30000000000")])
def test_torch_is_told_how_its_threads_wait_before_it_is_imported(given: dict[str, str], rounds: str) -> None:
    others = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        [sys.executable, "-c", "import reportgen, torch"], env={**others, **given, "OMP_DISPLAY_ENV": "verbose"}, check=True, capture_output=True, text=True
    )
    assert re.findall(r"GOMP_SPINCOUNT = '(\d+)'", done.stderr) == [rounds]
