"""When a worker begins to take calls: once it can make them, and not never."""

import asyncio
import time

from dataplane.app_workers import first_ready


def waited(problems: list[list[str]], *, most_s: float = 30.0, stopped: bool = False) -> float:
    """Seconds until it is ready; `problems` are those of each look, the last for ever."""

    async def main() -> float:
        stop = asyncio.Event()
        if stopped:
            stop.set()
        begun = time.monotonic()
        await first_ready(lambda: problems.pop(0) if len(problems) > 1 else problems[0], stop, most_s=most_s)
        return time.monotonic() - begun

    return asyncio.run(main())


def test_one_that_can_make_calls_listens_at_once() -> None:
    assert waited([[]]) < 1


def test_one_that_knows_no_bundle_yet_waits_until_it_does() -> None:
    problems = [["policy: no bundle is active yet"], ["policy: no bundle is active yet"], []]
    assert waited(problems) < 10
    assert problems == [[]]


def test_one_whose_problem_stays_listens_all_the_same_and_says_why() -> None:
    assert waited([["audit database: away"]], most_s=0.05) >= 0.05


def test_one_that_is_to_stop_waits_for_nothing() -> None:
    assert waited([["audit database: away"]], stopped=True) < 5
