"""One process of several that share limits: a hundred clients that call as fast as they can.

What was admitted is written down as it happens, so that it counts when the process is killed:

- `rate`, `money`: a line for each call, what it spent; money is settled below what was reserved.
- `places`: `+` when a place was had, `-` before it is given back.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
import time
from multiprocessing.sharedctypes import RawArray, RawValue

from redis_kit import QUICK, store

from dataplane.limits.store import Budget, Claim, Granted, Lease, Rate

CLIENTS = 100
DAY_US = 86_400_000_000
RATE = Rate(cell="rate", amount=500, period_us=30 * DAY_US, burst=500)
MONEY = Budget(cell="money", amount=1_000_000, period_us=DAY_US, per="day", calendar=False)
PLACES = Lease(cell="places", amount=25)
CLAIMS: dict[str, tuple[Claim, ...]] = {
    "rate": (RATE, PLACES),
    "money": (MONEY, PLACES),
    "places": (PLACES,),
}


class Stage:
    """What the processes and their test share: when to end (monotonic seconds), and what each has seen.

    Without locks: a process that is killed would take one with it.
    """

    def __init__(self, processes: int) -> None:
        self.ends = RawValue("d", time.monotonic() + 100)
        self.admissions = RawArray("i", processes)
        self.refusals = RawArray("i", processes)

    @property
    def admitted(self) -> int:
        return sum(self.admissions)

    @property
    def refused(self) -> int:
        return sum(self.refusals)

    def end(self) -> None:
        self.ends.value = 0


class Worker:
    """A forked process: one that had to import everything would take longer to start than to work."""

    def __init__(self, url: str, kind: str, seed: int, stage: Stage) -> None:
        self._read, write = os.pipe()
        context = multiprocessing.get_context("fork")
        self.process = context.Process(
            target=_run, args=(url, kind, seed, stage, self._read, write), daemon=True
        )
        self.process.start()
        os.close(write)
        self._out = os.fdopen(self._read, "rb")

    def wait_ready(self) -> None:
        assert self._out.readline() == b"ready\n"

    def lines(self) -> list[str]:
        """What it said, once it has ended."""
        said = self._out.read().decode().splitlines()
        self.process.join(30)
        return said

    def kill(self) -> None:
        if self.process.is_alive():
            assert self.process.pid is not None
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.join(10)

    def close(self) -> None:
        self.kill()
        self._out.close()


def _run(url: str, kind: str, seed: int, stage: Stage, read: int, write: int) -> None:
    os.close(read)
    asyncio.run(_work(url, kind, seed, stage, write))


async def _work(url: str, kind: str, seed: int, stage: Stage, write: int) -> None:
    chance = random.Random(seed)
    one = store(url, process=f"worker-{seed}", timing=QUICK)
    await one.start()
    claims = CLAIMS[kind]
    counter = iter(range(10**9))

    def say(text: str) -> None:
        os.write(write, text.encode())

    async def client() -> None:
        while time.monotonic() < stage.ends.value:
            want = chance.randint(1, 20_000) if kind == "money" else 1
            wants = [want if isinstance(claim, Budget) else 1 for claim in claims]
            answer = await one.reserve(f"{seed}-{next(counter)}", "t", claims, wants)
            if not isinstance(answer, Granted):
                stage.refusals[seed] += 1
                await asyncio.sleep(0.001)
                continue
            stage.admissions[seed] += 1
            spent = chance.randint(0, want) if kind == "money" else 1
            say("+\n" if kind == "places" else f"{spent}\n")
            await asyncio.sleep(0.002 * chance.random())
            if kind == "places":
                say("-\n")
            one.settle(
                answer, "t", claims, wants, [spent if isinstance(claim, Budget) else 1 for claim in claims]
            )

    say("ready\n")
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    await one.close()
