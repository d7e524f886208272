"""How many mistakes in the shipped Rego its own tests would catch.

`python -m tests.policies_mutation` seeds one mistake at a time: a condition dropped, a comparison swapped,
a check inverted, a constant changed. It runs plain `opa test` on each and names the mistakes that no test
caught. What does not compile is no mistake anybody could ship, and is not counted. Exit status 1 below
`LEAST_CAUGHT`.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

from dataplane.opa.install import ensure_opa

ROOT: Final = Path(__file__).resolve().parent.parent
REGO: Final = ROOT / "policies" / "rego"
LEAST_CAUGHT: Final = 0.95
"""The share that issue "Policy as code" asks for."""

SWAPS: Final = {"==": "!=", "!=": "==", ">=": ">", "<=": "<", ">": ">=", "<": "<="}
_COMPARISON: Final = re.compile(r" (==|!=|>=|<=|>|<) ")
_NUMBER: Final = re.compile(r"(?<![\w.\"])\d+(?![\w.\"]| \|)")
"""But not the head of `[1 | ...] == []`, which says no more than that something is there."""

_TEST: Final = re.compile(r"^(test_\w+)", re.M)
_STRING: Final = re.compile(r'"[^"\\\n{}%]+"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One mistake: bytes `start` to `end` of a file become `text`."""

    file: Path
    line: int
    kind: str
    start: int
    end: int
    text: str
    was: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}: {self.kind}: {self.was!r} -> {self.text!r}"


def expressions(tree: Any) -> Iterator[dict[str, Any]]:
    """Every expression of a module's rules, those in comprehensions and `every` too."""
    if isinstance(tree, dict):
        if "terms" in tree and "index" in tree and "location" in tree:
            yield tree
        for key, value in tree.items():
            if key != "annotations":
                yield from expressions(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from expressions(value)


def mutations(opa: str, file: Path) -> Iterator[Mutation]:
    """Every mistake that can be seeded into a file."""
    command = [opa, "parse", "--format", "json", "--json-include", "locations", str(file)]
    tree = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    source = file.read_bytes()
    lines = [0]
    for line in source.split(b"\n"):
        lines.append(lines[-1] + len(line) + 1)
    seen: set[tuple[int, int, str]] = set()
    for expression in expressions(tree.get("rules", [])):
        place = expression["location"]
        was = base64.b64decode(place["text"]).decode()
        start = lines[place["row"] - 1] + place["col"] - 1
        if source[start : start + len(was.encode())].decode() != was or was == "true":
            continue
        for kind, begin, end, text in changes(was, negated=bool(expression.get("negated"))):
            key = (start + begin, start + end, text)
            if key in seen:
                continue
            seen.add(key)
            yield Mutation(
                file=file,
                line=place["row"],
                kind=kind,
                start=start + begin,
                end=start + end,
                text=text,
                was=was[begin:end],
            )


def changes(was: str, *, negated: bool) -> Iterator[tuple[str, int, int, str]]:
    """(kind, begin, end, new text) of every mistake in one expression."""
    if ":=" not in was and not was.startswith("some "):
        yield "dropped condition", 0, len(was), "true"
        if negated:
            yield "inverted check", 0, len("not "), ""
        elif not was.startswith("every "):
            yield "inverted check", 0, 0, "not "
    for match in _COMPARISON.finditer(was):
        yield "swapped comparison", match.start(1), match.end(1), SWAPS[match[1]]
    for match in _NUMBER.finditer(was):
        yield "changed constant", match.start(), match.end(), str(int(match[0]) + 1)
    for match in _STRING.finditer(was):
        yield "changed constant", match.start(), match.end(), f'{match[0][:-1]}_"'


def verdict(opa: str, place: Path, mutation: Mutation) -> str:
    """`caught`, `survived`, or `invalid` where the mistake does not compile."""
    target = place / mutation.file.relative_to(REGO)
    source = mutation.file.read_bytes()
    own = _TEST.findall(target.with_name(f"{target.stem}_test.rego").read_text())
    try:
        target.write_bytes(source[: mutation.start] + mutation.text.encode() + source[mutation.end :])
        # The tests beside the file first: they catch most, in a fraction of the time of all.
        for run in (["--run", rf"\.({'|'.join(own)})$"], []):
            done = subprocess.run(
                [opa, "test", "--timeout=60s", *run, str(place)],
                capture_output=True,
                check=False,
                timeout=120,
                env=os.environ | {"GOGC": "400"},
            )
            if done.returncode:
                return "caught" if b"FAIL: " in done.stdout or b"ERROR: " in done.stdout else "invalid"
    finally:
        target.write_bytes(source)
    return "survived"


def main() -> int:
    """Seed, test, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sample", type=int, help="that many mistakes, drawn at random; left out: all")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--jobs", type=int, default=2, help="opa processes at once")
    parser.add_argument("--file", default="", help="only files whose path holds this")
    wanted = parser.parse_args()
    opa = str(ensure_opa(None, None, lambda text: print(text, file=sys.stderr)))
    files = [
        f for f in sorted(REGO.rglob("*.rego")) if not f.stem.endswith("_test") and wanted.file in str(f)
    ]
    found = [mutation for file in files for mutation in mutations(opa, file)]
    if wanted.sample is not None and wanted.sample < len(found):
        found = random.Random(wanted.seed).sample(found, wanted.sample)
    counts = {"caught": 0, "survived": 0, "invalid": 0}
    with tempfile.TemporaryDirectory() as holder, ThreadPoolExecutor(wanted.jobs) as pool:
        places: SimpleQueue[Path] = SimpleQueue()
        for number in range(wanted.jobs):
            places.put(Path(shutil.copytree(REGO, Path(holder) / str(number))))

        def judge(mutation: Mutation) -> tuple[Mutation, str]:
            place = places.get()
            try:
                return mutation, verdict(opa, place, mutation)
            finally:
                places.put(place)

        for mutation, outcome in pool.map(judge, found):
            counts[outcome] += 1
            if outcome == "survived":
                print(mutation, flush=True)
    valid = counts["caught"] + counts["survived"]
    share = counts["caught"] / valid if valid else 0.0
    print(f"{counts['caught']} of {valid} mistakes caught ({share:.1%}); {counts['invalid']} do not compile")
    return 0 if share >= LEAST_CAUGHT else 1


if __name__ == "__main__":
    sys.exit(main())
