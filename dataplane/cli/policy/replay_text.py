"""What a replay found, for people, for a pull request, and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataplane.authoring.replay import Outcome
from dataplane.cli.audit import printable
from dataplane.cli.finding_tables import NAMES_SHOWN, Grid, by_decision, by_name, in_detail, printed


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A replay that went through: the candidate's revision, what was found in how many seconds, what
    gates tripped, and the rules' titles."""

    candidate: str
    outcome: Outcome
    seconds: float
    gates: Sequence[str]
    titles: Mapping[str, str]

    def document(self) -> dict[str, Any]:
        """As one JSON object."""
        found = self.outcome.findings.document()
        return {
            "ok": not self.gates,
            "candidate": self.candidate,
            **found,
            "proof": self.outcome.proof.document(),
            "gates": list(self.gates),
            "seconds": round(self.seconds, 3),
            "rows_per_second": round(found["total"] / max(self.seconds, 1e-9)),
        }


def text(told: Told) -> str:
    """For a terminal."""
    return printed(_summary(told), _grids(told), [f"failed: {gate}" for gate in told.gates])


def markdown(told: Told) -> str:
    """For a pull request's comment: what callers chose cannot act as Markdown or HTML."""
    lines = [f"### Backtest of {_code(told.candidate)}", ""]
    lines += [f"- {line}" for line in _summary(told)[1:]]
    lines += [f"- **failed:** {gate}" for gate in told.gates]
    for title, heads, rows in _grids(told):
        lines += ["", f"**{title}**", "", _line(heads), _line("---" for _ in heads)]
        lines += [_line(_code(cell) if cell else "" for cell in row) for row in rows]
    return "\n".join(lines) + "\n"


def _summary(told: Told) -> list[str]:
    findings, proof = told.outcome.findings, told.outcome.proof
    count, skipped = findings.all, findings.skipped
    rate = count.total / max(told.seconds, 1e-9)
    share = 100 * count.changed / max(count.total, 1)
    lines = [
        f"Backtest of {told.candidate}",
        f"{count.total:,} rows replayed in {told.seconds:.1f} s, {rate:,.0f} a second",
        f"skipped: {skipped['never_asked']:,} never asked, {skipped['erased']:,} erased",
        f"proof: {proof.proven.total():,} answers reproduced on {len(proof.proven)} revisions",
        f"changed: {count.changed:,} ({share:.1f} %), of them {count.new_blocks:,} new blocks; "
        f"{count.looser:,} judged less strictly",
    ]
    if proof.missing:
        lines[3] += f"; {proof.missing.total():,} not proven ({', '.join(sorted(proof.missing))})"
    if findings.undecided:
        lines.append(f"no valid answer of the candidate, so refused: {findings.undecided:,}")
    if findings.also:
        also = ", ".join(f"{name} {count:,}" for name, count in sorted(findings.also.items()))
        lines.append(f"differs beside that: {also}")
    return lines


def _grids(told: Told) -> Iterable[Grid]:
    found = told.outcome.findings.document()
    heads = ("rows", "changed", "new blocks", "looser")
    by = found["by"]
    yield "Decisions", ("then -> now", *heads), by_decision(by)
    if rules := by["rule"][:NAMES_SHOWN]:
        rows: list[tuple[str, ...]] = [
            (one["rule"], str(one["gained"]), str(one["lost"]), told.titles.get(one["rule"], ""))
            for one in rules
        ]
        yield "Rules", ("reason", "gained", "lost", "title"), rows
    yield from by_name(by, heads)
    if found["rows"]:
        columns = ("request", "time", "client", "model", "then -> now", "reasons then -> now", "differs")
        yield "Rows, new blocks first", columns, [in_detail(one) for one in found["rows"]]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(cell: str) -> str:
    plain = printable(cell).replace("`", "'").replace("|", "\\|")
    return f"`{plain}`"
