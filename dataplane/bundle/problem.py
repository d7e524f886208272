"""One thing that is wrong with a policy directory, where it is, and what would be right."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """`file` is a path as the reader would open it; `line` and `column` start at 1, 0 where unknown.

    `code` says which check spoke: `yaml`, `table`, `reference`, `pattern`, `package`, `rego_parse_error`,
    `rego_type_error` and OPA's other codes, or `regal/<rule>`.
    """

    file: str
    line: int
    column: int
    message: str
    code: str

    def __str__(self) -> str:
        place = self.file if self.line == 0 else f"{self.file}:{self.line}"
        return f"{place}: {self.message} [{self.code}]"
