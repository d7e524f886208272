"""The program as a shell starts it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dataplane import __version__

_INTERRUPTED = """
import sys

class CtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, CtrlC())
from dataplane.__main__ import main
sys.argv = ["regogate", "policy", "check", "--help"]
main()
"""


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dataplane", "--version"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("name", ["dataplane.cli", "typer", "dataplane.cli.policy.check"])
def test_ctrl_c_while_it_is_imported_is_no_traceback(name: str) -> None:
    program = _INTERRUPTED.format(name=name)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
