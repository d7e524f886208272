"""The pages under docs/presets, written from policies/presets: `python -m tests.docs_presets`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dataplane.authoring.presets import NAMES, read_preset
from dataplane.authoring.presets_page import page
from dataplane.bundle.strictyaml import parse

ROOT = Path(__file__).resolve().parent.parent


def pages() -> Mapping[Path, str]:
    """Every page of a preset and its text."""
    folder = ROOT / "policies" / "presets"
    return {ROOT / f"docs/presets/{name}.md": page(read_preset(folder, name, parse)) for name in NAMES}


if __name__ == "__main__":
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
        print(path.relative_to(ROOT))
