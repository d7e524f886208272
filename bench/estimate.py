"""How far the estimate of a prompt's tokens is from the tokenizer's count: `python -m bench.estimate`.

The estimate stands where a model's tokenizer is not known offline. Texts of many kinds, each a paragraph,
are counted by both of the encodings that are known; the table goes into docs/guide-limits.md.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Final

from dataplane.surfaces import tokens

_MODELS: Final = {"o200k_base": "gpt-4o", "cl100k_base": "gpt-4"}
TEXTS: Final = Path(__file__).with_name("estimate.json")
"""A paragraph of each kind of text."""


def measured() -> dict[str, dict[str, tuple[int, int]]]:
    """For each kind of text and encoding: the count, and the estimate."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for kind, text in json.loads(TEXTS.read_text()).items():
        estimate = tokens.estimate(tokens.size(text))
        found[kind] = {}
        for encoding, model in _MODELS.items():
            counted = asyncio.run(tokens.count(model, [text]))
            assert counted is not None
            found[kind][encoding] = (counted, estimate)
    return found


def table() -> str:
    """The errors as Markdown: how many percent the estimate is above (+) or below the count."""
    lines = ["| text | " + " | ".join(_MODELS) + " |", "| --- | " + "--: | " * len(_MODELS)]
    for kind, row in measured().items():
        errors = (f"{100 * (estimate - counted) / counted:+.0f} %" for counted, estimate in row.values())
        lines.append(f"| {kind} | " + " | ".join(errors) + " |")
    return "\n".join(line.rstrip() for line in lines)


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
