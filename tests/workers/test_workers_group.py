"""Workers as processes: kept running, heard, drained, and given up only where none has ever served."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from dataplane.workers.group import Workers, WorkersFailed
from dataplane.workers.worker import Launch

PROGRAM = """
import asyncio, json, os, signal, socket, sys
from dataplane.workers.report import Report, keep_reporting, read_order

wire = socket.socket(fileno=int(sys.argv[2]))
order = read_order(wire)
stubborn = order.get("stubborn")
signal.signal(signal.SIGTERM, signal.SIG_IGN if stubborn else lambda *_: sys.exit(0))
problems = tuple(order.get("problems", ()))
metrics = f"# TYPE n gauge\\nn {sys.argv[1]}\\n"
asyncio.run(keep_reporting(wire, lambda: Report(serving=True, problems=problems, metrics=metrics)))
"""


def launch(order: bytes = b"{}", program: str = PROGRAM) -> Launch:
    return Launch(
        command=lambda number, fd: [sys.executable, "-c", program, str(number), str(fd)],
        order=lambda _: order,
    )


async def until(true: Callable[[], bool], deadline_s: float = 20) -> None:
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < deadline_s
        await asyncio.sleep(0.01)


def states(workers: Workers) -> list[str]:
    return [one["state"] for one in workers.details()]


def test_nothing_serves_before_they_said_so_and_one_that_ends_takes_no_other_with_it() -> None:
    failures: list[BaseException] = []

    async def work() -> None:
        workers = Workers(2, launch(), failed=failures.append)
        assert workers.problems() == ["workers: none of 2 serves"]
        workers.start()
        await until(lambda: workers.whole)
        assert workers.problems() == []
        first, second = (one["pid"] for one in workers.details())
        os.kill(first, signal.SIGKILL)
        await until(lambda: states(workers)[0] != "serving")
        assert workers.problems() == [], "the other one serves"
        await until(lambda: workers.whole)
        again, other = workers.details()
        assert (again["restarts"], other["restarts"], other["pid"]) == (1, 0, second)
        assert again["pid"] != first
        text = workers.metrics_text().decode()
        for line in ('n{worker="2"} 2.0', 'regogate_worker_up{worker="1"} 1.0',
                     'regogate_worker_restarts_total{worker="1"} 1.0'):  # fmt: skip
            assert line in text
        await workers.stop(10)
        assert states(workers) == ["stopped", "stopped"]
        assert [one["pid"] for one in workers.details()] == [None, None]

    asyncio.run(work())
    assert failures == []


def test_what_a_worker_cannot_do_is_told_with_its_number() -> None:
    async def work() -> None:
        workers = Workers(2, launch(b'{"problems": ["no database"]}'), failed=lambda _: None)
        workers.start()
        await until(lambda: states(workers) == ["serving", "serving"])
        assert workers.problems() == ["worker 1: no database", "worker 2: no database"]
        assert not workers.whole
        assert [one["ready"] for one in workers.details()] == [False, False]
        await workers.stop(10)

    asyncio.run(work())


def test_one_that_does_not_drain_in_time_is_killed() -> None:
    async def work() -> None:
        workers = Workers(1, launch(b'{"stubborn": true}'), failed=lambda _: None)
        workers.start()
        await until(lambda: workers.whole)
        begun = time.monotonic()
        await workers.stop(0.2)
        assert time.monotonic() - begun < 5
        assert states(workers) == ["stopped"]

    asyncio.run(work())


def test_workers_that_never_serve_are_given_up() -> None:
    failures: list[BaseException] = []

    async def work() -> None:
        workers = Workers(1, launch(program="raise SystemExit(3)"), failed=failures.append)
        workers.start()
        await until(lambda: bool(failures))
        await workers.stop(5)

    asyncio.run(work())
    assert [type(one) for one in failures] == [WorkersFailed]


def test_a_worker_ends_when_its_parent_is_gone(tmp_path: Path) -> None:
    """The parent is killed in a way that lets it end nothing itself; the wire's end is what is noticed."""
    parent = f"""
import asyncio, os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_workers_group import launch, until
from dataplane.workers.group import Workers

async def work():
    workers = Workers(1, launch(), failed=print)
    workers.start()
    await until(lambda: workers.whole)
    print(workers.details()[0]["pid"], flush=True)
    os.kill(os.getpid(), 9)

asyncio.run(work())
"""

    async def work() -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", parent, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        line = await process.stdout.readline()
        assert await process.wait() == -9
        return int(line)

    pid = asyncio.run(work())

    def gone() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"

    asyncio.run(until(gone))
