"""Where `policy replay` takes its rows from: an installation's records, or a file of exported rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from dataplane.audit.export import Wanted
from dataplane.authoring.replay import Outcome
from dataplane.authoring.rows import BadRow, Row, Skip, row_of, rows_in
from dataplane.cli.audit import printable
from dataplane.cli.recorded import recorded_names, recorded_pages
from dataplane.errors import RegoGateError

NAMES_TOLD: Final = 20
"""Clients or models that are named where one that was asked for is not there."""

Told = Iterator[tuple[Row | Skip | BadRow, float]]
"""Rows, each with the share of the way it leads to (0 to 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRows:
    """Rows of an installation's database."""

    url: str = field(repr=False)
    asked: Wanted

    def rows(self) -> Told:
        """The rows. Raises `RegoGateError` where the database cannot be read."""
        for page in recorded_pages(self.url, self.asked):
            for found in page.rows:
                try:
                    yield row_of(found, f"the record of request {found['request_id']}"), page.share
                except BadRow as error:
                    yield error, page.share

    def check(self, outcome: Outcome) -> None:
        """Raise `RegoGateError` where a client or model that was asked for has no row, or nobody has."""
        findings = outcome.findings
        seen = partial(recorded_names, self.url, self.asked)
        _check("--client", self.asked.clients, findings.clients, partial(seen, "client_id"))
        _check("--model", self.asked.models, findings.models, partial(seen, "model"))
        _check_any(outcome, "widen --since")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedRows:
    """Rows of a file; `seen` fills with some of the clients and models in it."""

    path: Path
    clients: tuple[str, ...]
    models: tuple[str, ...]
    seen: dict[str, dict[str, None]] = field(default_factory=lambda: {"--client": {}, "--model": {}})

    def rows(self) -> Told:
        """The rows. Raises `BadRow` where the file cannot be read."""
        for row, share in rows_in(self.path):
            if isinstance(row, BadRow) or self._takes(row):
                yield row, share

    def check(self, outcome: Outcome) -> None:
        """As `RecordedRows.check`."""
        findings = outcome.findings
        for option, names, counts in (
            ("--client", self.clients, findings.clients),
            ("--model", self.models, findings.models),
        ):
            _check(option, names, counts, partial(sorted, self.seen[option]))
        _check_any(outcome, "export more of them")

    def _takes(self, row: Row | Skip) -> bool:
        for option, name in (("--client", row.client_id), ("--model", row.model)):
            if isinstance(row, Row) and name is not None and len(self.seen[option]) < NAMES_TOLD:
                self.seen[option][name] = None
        return (not self.clients or row.client_id in self.clients) and (
            not self.models or row.model in self.models
        )


def _check(
    option: str, names: Sequence[str], counts: Mapping[str, Any], seen: Callable[[], list[str]]
) -> None:
    unknown = [name for name in names if name not in counts]
    if unknown:
        there = ", ".join(printable(name) for name in seen()) or "none at all"
        raise RegoGateError(
            f"{option} {printable(unknown[0])}: policy answered no such call there; there are: {there}"
        )


def _check_any(outcome: Outcome, advice: str) -> None:
    if not outcome.findings.all.total:
        skipped = outcome.findings.skipped
        raise RegoGateError(
            f"there is no recorded answer of policy to replay ({skipped['never_asked']} calls were refused "
            f"before policy was asked, {skipped['erased']} were erased); {advice}"
        )
