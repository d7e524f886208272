"""A plan carried out: every run measured, nothing judged."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator

from bench.plan import Plan, Run
from bench.processes import BenchError
from bench.results import Sample
from bench.targets import Bench


def carry_out(plan: Plan, bench: Bench, told: Callable[[Sample], None]) -> Iterator[Sample]:
    """One sample a run, in the plan's order; `told` gets each as it is made. Raises `BenchError`."""
    for run in plan.runs():
        sample = _measure(plan, bench, run)
        told(sample)
        yield sample


def unrecorded(bench: Bench, samples: list[Sample]) -> int:
    """Answered calls of the gateways without a durable intent; must be 0."""
    missing = 0
    for target in bench.databases:
        answered = sum(one.total - one.refused for one in samples if one.run.target == target)
        missing += max(0, answered - bench.intents(target))
    return missing


def _measure(plan: Plan, bench: Bench, run: Run) -> Sample:
    bench.check()
    target = bench.targets[run.target]
    order = {
        "port": target.port,
        "request": target.request.decode(),
        "connections": run.connections,
        "warm_up_s": plan.warm_up_s,
        "seconds": plan.seconds,
    }
    own, beside = target.cpu()
    bench.load.tell(json.dumps(order))
    line = bench.load.hear()
    try:
        outcome = json.loads(line)
    except ValueError:
        raise BenchError(f"{bench.load.name} wrote {len(line)} characters that are not an outcome") from None
    own_after, beside_after = target.cpu()
    return Sample(
        run=run,
        requests=outcome["requests"],
        total=outcome["total"],
        refused=outcome["refused"],
        lost=outcome["lost"],
        seconds=outcome["seconds"],
        latencies_us=Counter({int(us): times for us, times in outcome["latencies_us"].items()}),
        cpu_s=None if own is None or own_after is None else own_after - own,
        opa_cpu_s=None if beside is None or beside_after is None else beside_after - beside,
    )
