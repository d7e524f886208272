"""Signals of a gateway in the foreground: the first one stops it in order, the second at once."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, signal
from dataplane.cli.running import run_until_signal

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which a test run under nohup hands on as ignored

async def work(stop):
    print("ready", flush=True)
    await stop.wait()
    print("stopping", flush=True)
    {then}

run_until_signal(work, service={service})
print("done", flush=True)
"""


def start(then: str, *, service: bool = False) -> subprocess.Popen[str]:
    program = PROGRAM.replace("{then}", then).replace("{service}", str(service))
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_lets_the_work_end_by_itself(number: signal.Signals) -> None:
    with start("pass") as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "stopping\ndone\n", "")


def test_a_service_outlives_being_told_to_read_its_files_again() -> None:
    with start("pass", service=True) as process:
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "stopping\ndone\n", "")
    with start("pass") as process:
        process.send_signal(signal.SIGHUP)
        assert process.wait(20) == -signal.SIGHUP


def test_a_second_signal_ends_the_process_at_once() -> None:
    with start("await asyncio.sleep(3600)") as process:
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, "", "")


def test_what_the_work_raises_comes_out() -> None:
    with start("raise LookupError('why')") as process:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "LookupError: why" in err
    assert "done" not in out
