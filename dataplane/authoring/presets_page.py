"""The page of a preset: every setting beside the clauses it helps with, and what it leaves to others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from dataplane.authoring.presets import EVERY, EVERY_AND_REST, Preset, Setting

NOTE: Final = (
    "<!-- Written by `python -m tests.docs_presets` from policies/presets; do not edit this page. -->"
)

DISCLAIMER: Final = (
    "A preset sets fields of tables and modes of rules. It helps with some clauses and is compliance with "
    "none: whether an organisation complies is for it and its auditors to judge, and most of what is asked "
    "of it is not the business of a gateway. Clauses are named as short references; the text of the "
    "standard decides."
)

_STAYS: Final = {
    "equal": "",
    "order": "or stricter",
    "at_most": "or less",
    "at_least": "or more",
    "subset": "or a part of it",
    "superset": "and whatever else is there",
    "present": "unless something is set",
}


def page(preset: Preset) -> str:
    """The page in Markdown."""
    return "\n".join(_lines(preset)) + "\n"


def _lines(preset: Preset) -> Iterator[str]:
    yield from (f"# {preset.title}", "", NOTE, "", _flat(preset.about), "", DISCLAIMER, "")
    yield from (f"Edition: {_flat(preset.source)}", "", "```sh")
    yield from (f"regogate policy preset apply {preset.name} --dry-run", "```", "")
    yield from ("## Settings", "", "| setting | value | helps with |", "| --- | --- | --- |")
    for setting in preset.settings:
        helps = "<br>".join(f"**{one.clause}**: {_flat(one.helps)}" for one in setting.clauses)
        yield f"| `{where(setting)}` | {value(setting)} | {helps} |"
    yield from ("", "Why each:", "")
    for setting in preset.settings:
        yield f"- `{where(setting)}`: {_flat(setting.why)}"
    yield from ("", "## Not covered", "")
    yield from (f"- {_flat(one)}" for one in preset.not_covered)


def where(setting: Setting) -> str:
    """`tiers.*.audit`; a key with a dot of its own in brackets."""
    table, *steps = setting.place
    parts = [
        "*" if step in (EVERY, EVERY_AND_REST) else f'["{step}"]' if set(".*") & set(step) else step
        for step in steps
    ]
    return f"{table}.yaml: " + ".".join(parts).replace(".[", "[")


def value(setting: Setting) -> str:
    """The value and when another one stays, for a table's cell."""
    words = _STAYS[setting.keep]
    shown = f"`{_short(setting.value)}`" + (f" {words}" if words else "")
    return f"{shown}, where it is set" if setting.only_present else shown


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _flat(text: str) -> str:
    return " ".join(text.split())
