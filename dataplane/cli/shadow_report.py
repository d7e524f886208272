"""What a shadow found: the recorded differences, compared and counted as those of a backtest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from dataplane.audit import trials as stored
from dataplane.audit.differences import differences
from dataplane.authoring.backtest import Findings
from dataplane.authoring.compare import answer_in, compare
from dataplane.authoring.rows import Skip, row_of
from dataplane.cli.finding_tables import NAMES_SHOWN, Grid, by_decision, by_name, in_detail, printed
from dataplane.cli.trials import Place, told, with_database
from dataplane.database import Database
from dataplane.trial import TrialKind

_NOTHING: Final = {"total": 0, "changed": 0, "new_blocks": 0, "looser": 0, "ids": []}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowReport:
    """`about` is the trial as `status` tells it, `findings` are those of its recorded differences."""

    about: Mapping[str, Any]
    findings: Findings

    def document(self) -> dict[str, Any]:
        """As one JSON object. `total` and the totals by decision are of all inputs that were evaluated; all
        else is of the differences that were recorded."""
        found = self.findings.document()
        counts = self.about["counts"]
        by = dict(found["by"])
        by["decision"] = _pairs(by["decision"], counts)
        names = ("evaluated", "same", "stored", "not_stored", "dropped", "failed")
        numbers = {name: counts.get(name, 0) for name in names}
        plain = {name: value for name, value in self.about.items() if name != "counts"}
        return {"ok": True, **plain, **found, "total": numbers["evaluated"], **numbers, "by": by}

    def json(self) -> str:
        """For programs."""
        return json.dumps(self.document())

    def text(self) -> str:
        """For a terminal."""
        document = self.document()
        return printed(_summary(document), _grids(document))


def shadow_report(place: Place, *, keep: int) -> ShadowReport | None:
    """The report on the shadow that runs, or ran last; None where none did. Raises `RegoGateError`."""

    async def work(database: Database) -> ShadowReport | None:
        found = await stored.newest(database, TrialKind.SHADOW, place.channel)
        if found is None:
            return None
        findings = Findings(keep=keep)
        async with aclosing(differences(database, found)) as rows:
            async for one in rows:
                _add(findings, one)
        said = await stored.reports(database, found.trial.id)
        return ShadowReport(about=told(found, said), findings=findings)

    return with_database(place, work)


def _add(findings: Findings, one: Mapping[str, Any]) -> None:
    row = row_of(dict(one), f"request {one['request_id']}")
    if isinstance(row, Skip):
        findings.skip(row)
        return
    result = one["candidate_result"]
    new = answer_in(None if result is None else result.encode())
    findings.add(row, compare(row.answer, new), new)


def _pairs(found: Sequence[Mapping[str, Any]], counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """The recorded changes by decision, with all that was evaluated as their totals."""
    known = {(one["old"], one["new"]): dict(one) for one in found}
    for name, count in counts.items():
        old, arrow, new = name.partition(">")
        if arrow:
            known.setdefault((old, new), {"old": old, "new": new, **_NOTHING})["total"] = count
    order = ("new_blocks", "changed", "total")
    return sorted(known.values(), key=lambda one: tuple(-one[name] for name in order))


def _summary(found: Mapping[str, Any]) -> Iterable[str]:
    state = "runs" if found["running"] else f"ended {found['ended']} ({found['ended_as']})"
    yield f"Shadow of {found['candidate']} beside {found['channel']}: since {found['started']}, {state}"
    yield (
        f"{found['evaluated']:,} inputs evaluated ({found['share']:g} of them all), {found['same']:,} "
        f"answered alike; {found['dropped']:,} dropped, {found['failed']:,} without any answer"
    )
    yield (
        f"changed: {found['changed']:,}, of them {found['new_blocks']:,} new blocks; {found['looser']:,} "
        "judged less strictly"
    )
    if found["not_stored"]:
        yield f"not recorded, so only in the totals by decision: {found['not_stored']:,} that differ"
    if found["undecided"]:
        yield f"no valid answer of the candidate, so refused: {found['undecided']:,}"
    if erased := found["skipped"]["erased"]:
        yield f"erased since: {erased:,}"


def _grids(found: Mapping[str, Any]) -> Iterable[Grid]:
    heads = ("calls", "changed", "new blocks", "looser")
    by = found["by"]
    if by["decision"]:
        yield "Decisions", ("active -> candidate", *heads), by_decision(by)
    if by["rule"]:
        rules: list[tuple[str, ...]] = [
            (one["rule"], str(one["gained"]), str(one["lost"])) for one in by["rule"][:NAMES_SHOWN]
        ]
        yield "Rules", ("reason", "gained", "lost"), rules
    yield from by_name(by, heads)
    if found["rows"]:
        columns = ("request", "time", "client", "model", "active -> candidate", "reasons", "differs")
        yield "Calls, new blocks first", columns, [in_detail(one) for one in found["rows"]]
