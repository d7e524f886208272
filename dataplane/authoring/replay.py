"""Recorded questions put to a candidate policy, and to the policies that answered them.

1. Rows are read in chunks. A row that is bad ends the evaluation: reading goes on, to tell them all.
2. Proof: each row is put to the policy of its own revision, whose answer must be the stored one exactly.
   A revision is known by its content: `SEQ-gCOMMIT-DIGEST` and another with the same digest decide alike.
   A row whose policy is not at hand is not proven; unless that is allowed, it ends the evaluation, too.
3. The same input is put to the candidate, and the two answers are compared.

The inputs are put as they were recorded, `tables_revision` included: it says which tables the gateway had
read and is no fact of the call. The `candidates` of a list of models are those of the time, too.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from dataplane.authoring.backtest import Findings
from dataplane.authoring.compare import answer_in, compare, same_json
from dataplane.authoring.replay_reads import Asker
from dataplane.authoring.rows import BadRow, Row, Skip

CHUNK: Final = 1000
"""Rows in memory at once: about 5 MB."""

POLICIES: Final = 4
"""Recorded policies kept running at once, 50 MB each; a chunk may name more, one after the other."""

BAD_SHOWN: Final = 20
"""Bad rows that are told one by one; all are counted."""


Opened = Callable[[Path], AbstractContextManager[Asker]]
"""Runs a bundle file."""

FindBundle = Callable[[str], Path | None]
"""Where the bundle of a revision, or one with the same content, is at hand."""


@dataclass(slots=True, kw_only=True)
class Proof:
    """What became of the proof, counted by revision."""

    proven: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    failures: list[Row] = field(default_factory=list)
    """The first rows whose own policy does not answer as it did."""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "proven": self.proven.total(),
            "unproven": self.missing.total(),
            "failed": self.failed,
            "revisions": dict(sorted(self.proven.items())),
            "missing_revisions": dict(sorted(self.missing.items())),
            "failures": [
                {"request_id": row.request_id, "where": row.where, "policy_revision": row.policy_revision}
                for row in self.failures
            ],
        }


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a replay found. `findings` are whole only where `compared` is true: no row was bad, and the proof
    held as far as it was asked for."""

    findings: Findings
    compared: bool = True
    proof: Proof = field(default_factory=Proof)
    bad: int = 0
    first_bad: list[BadRow] = field(default_factory=list)


def content_of(revision: str) -> str:
    """The part of a revision that names the content: what decides is the same where it is the same."""
    return revision.rsplit("-", 1)[-1]


def replay(
    rows: Iterable[Row | Skip | BadRow],
    *,
    candidate: Path,
    revision: str,
    find: FindBundle,
    run: Opened,
    unproven: bool = False,
    keep: int = 20,
) -> Outcome:
    """Replay `rows` on the bundle file `candidate`, whose revision is `revision`.

    `find` and `run` give and run the recorded policies' bundles. With `unproven`, rows whose policy is not at
    hand are replayed, too, and counted. `keep` is how many rows are kept in detail. Raises what `run` and
    the evaluation raise.
    """
    outcome = Outcome(findings=Findings(keep=keep))
    with ExitStack() as stack:
        policies = _Policies(find, run, {content_of(revision): candidate})
        stack.callback(policies.close)
        for chunk in _chunks(rows):
            good = _sift(chunk, outcome)
            if outcome.bad:
                outcome.compared = False
                continue
            answers = _prove(good, policies, outcome.proof, unproven=unproven)
            if outcome.proof.failed or (outcome.proof.missing and not unproven):
                outcome.compared = False
                continue
            _compare(good, answers, policies.get(revision), content_of(revision), outcome.findings)
    return outcome


def _sift(chunk: Sequence[Row | Skip | BadRow], outcome: Outcome) -> list[Row]:
    good = []
    for one in chunk:
        match one:
            case Row():
                good.append(one)
            case Skip():
                outcome.findings.skip(one)
            case BadRow():
                outcome.bad += 1
                if len(outcome.first_bad) < BAD_SHOWN:
                    outcome.first_bad.append(one)
    return good


def _prove(
    rows: Sequence[Row], policies: _Policies, proof: Proof, *, unproven: bool
) -> dict[str, list[tuple[Row, bytes | None]]]:
    """Count the rows that are proven and those that are not; the answers by content, to be used again."""
    by_content: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_content[content_of(row.policy_revision)].append(row)
    answers = {}
    for content, group in by_content.items():
        asker = policies.get(group[0].policy_revision)
        if asker is None:
            proof.missing.update(row.policy_revision for row in group)
            continue
        if proof.missing and not unproven:
            continue  # it will be refused: the rest is only counted
        answers[content] = list(zip(group, _answers(group, asker), strict=True))
        for row, result in answers[content]:
            if result is not None and _same(row.result, result):
                proof.proven[row.policy_revision] += 1
                continue
            proof.failed += 1
            if len(proof.failures) < BAD_SHOWN:
                proof.failures.append(row)
    return answers


def _compare(
    rows: Sequence[Row],
    answers: dict[str, list[tuple[Row, bytes | None]]],
    candidate: Asker | None,
    content: str,
    findings: Findings,
) -> None:
    assert candidate is not None
    known = {id(row): result for row, result in answers.get(content, ())}
    asked = [row for row in rows if id(row) not in known]
    known |= {id(row): result for row, result in zip(asked, _answers(asked, candidate), strict=True)}
    for row in rows:
        result = known[id(row)]
        if result == row.result:
            findings.add(row, None, None)
            continue
        new = answer_in(result)
        findings.add(row, compare(row.answer, new), new)


def _answers(rows: Sequence[Row], asker: Asker) -> list[bytes | None]:
    """The answers to all rows, in their order, asked stage by stage."""
    answers: list[bytes | None] = [None] * len(rows)
    for stage in dict.fromkeys(row.stage for row in rows):
        places = [place for place, row in enumerate(rows) if row.stage == stage]
        results = asker.decide_many(stage, (rows[place].input for place in places))
        for place, result in zip(places, results, strict=True):
            answers[place] = result
    return answers


def _same(stored: bytes, result: bytes) -> bool:
    return stored == result or same_json(orjson.loads(stored), orjson.loads(result))


def _chunks(rows: Iterable[Row | Skip | BadRow]) -> Iterator[list[Row | Skip | BadRow]]:
    chunk: list[Row | Skip | BadRow] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


class _Policies:
    """Recorded policies by content, a few of them running; the candidate stays while it lasts."""

    def __init__(self, find: FindBundle, run: Opened, candidate: dict[str, Path]) -> None:
        self._find = find
        self._run = run
        self._paths: dict[str, Path | None] = dict(candidate)
        self._pinned = set(candidate)
        self._running: OrderedDict[str, tuple[ExitStack, Asker]] = OrderedDict()

    def get(self, revision: str) -> Asker | None:
        """The policy of a revision, running; None where its bundle is not at hand."""
        content = content_of(revision)
        if content not in self._paths:
            self._paths[content] = self._find(revision)
        path = self._paths[content]
        if path is None:
            return None
        if content not in self._running:
            self._make_room()
            stack = ExitStack()
            self._running[content] = (stack, stack.enter_context(self._run(path)))
        self._running.move_to_end(content)
        return self._running[content][1]

    def close(self) -> None:
        """Stop them all."""
        while self._running:
            _, (stack, _) = self._running.popitem()
            stack.close()

    def _make_room(self) -> None:
        others = [content for content in self._running if content not in self._pinned]
        if len(others) >= POLICIES:
            stack, _ = self._running.pop(others[0])
            stack.close()
