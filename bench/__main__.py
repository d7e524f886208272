"""`make bench`, or `python -m bench`: runs the plan, prints a table, writes JSON.

Exit status: 0, 1 where a call failed or was answered without a record, 2 where it could not be run.
Missed aims do not fail it: they depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from bench.plan import QUICK, Plan
from bench.processes import BenchError
from bench.results import Sample, aims, document, rows, table
from bench.run import carry_out, unrecorded
from bench.targets import running

DEFAULT_OUTPUT: Final = Path("build/bench.json")


def _arguments(given: list[str]) -> argparse.Namespace:
    default = Plan()
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Added latency and throughput of the gateway with everything on (OPA, a signed bundle, "
        "API key, durable records), against direct calls and a bare pass-through, interleaved in one run.",
    )
    parser.add_argument("--quick", action="store_true", help="a 10-second run, for a first look")
    parser.add_argument(
        "--connections",
        type=lambda text: tuple(int(part) for part in text.split(",")),
        metavar="N,N,...",
        help=f"closed-loop connections (default {','.join(map(str, default.connections))})",
    )
    parser.add_argument("--rounds", type=int, help=f"windows for each target (default {default.rounds})")
    parser.add_argument("--seconds", type=float, help=f"length of a window (default {default.seconds:g})")
    parser.add_argument(
        "--output", type=Path, default=DEFAULT_OUTPUT, metavar="FILE", help=f"JSON (default {DEFAULT_OUTPUT})"
    )
    options = parser.parse_args(given)
    names = ("connections", "rounds", "seconds")
    wanted = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    try:
        options.plan = replace(QUICK if options.quick else default, **wanted)
    except ValueError as error:
        parser.error(str(error))
    return options


def _told(sample: Sample) -> None:
    run = sample.run
    print(
        f"  {run.connections:>3} connections, round {run.round + 1}: {run.target:<12} "
        f"{sample.requests_per_s:>7,.0f} req/s, p50 {sample.percentile_ms(0.5):.2f} ms",
        file=sys.stderr,
        flush=True,
    )


def _about(plan: Plan, revision: str) -> dict[str, Any]:
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_average": os.getloadavg(),
        "plan": asdict(plan),
        "policy_revision": revision,
    }


def main(given: list[str]) -> int:
    """Run it; returns the exit status."""
    options = _arguments(given)
    plan: Plan = options.plan
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    print(f"About {plan.load_s + 5:.0f} s of load at {plan.connections} connections.", file=sys.stderr)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="regogate-bench-") as directory,
            running(Path(directory)) as bench,
        ):
            about = _about(plan, bench.policy_revision)
            samples = list(carry_out(plan, bench, _told))
            missing = unrecorded(bench, samples)
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    measured = rows(samples)
    print(table(measured))
    for aim in aims(measured):
        print(f"{'reached' if aim.reached else 'MISSED':>8}: {aim.what}; measured {aim.measured:,.2f}")
    errors = sum(row.errors for row in measured)
    print(f"{errors} calls failed; {missing} calls were answered without a record.")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(document(samples, about, missing), indent=1) + "\n")
    print(f"JSON: {options.output}")
    return 1 if errors or missing else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
