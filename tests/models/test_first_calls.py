"""torch's functions are as exact in the first call as in any other."""

import os
import subprocess
import sys
from pathlib import Path

# Forked children start as a fresh process does. Without the calls in one thread some 5 in 100 of them find a difference on two cores.
SCRIPT = """
import os, sys, torch
from reportgen.models.first_calls import call_math_once

torch.set_num_threads(2)
differing = 0
for name in ["cos", "exp", "log"] * 50:
    child = os.fork()
    if child == 0:
        call_math_once()
        function, numbers = getattr(torch, name), torch.linspace(0.1, 48, 3072)
        os._exit(int(not torch.equal(function(numbers), function(numbers))))
    differing += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(differing)
"""


def test_the_first_call_of_a_function_is_as_exact_as_the_second() -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, env=environment, cwd=Path(__file__).parents[2])
