"""The reference pages are what the program says of itself today."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_pages import name_of
from pydantic import BaseModel

from dataplane.config import SecretRef, Settings
from dataplane.errors import GROUNDS
from dataplane.server.doubts import DOUBTS
from tests import docs_reference
from tests.docs_reasons import rules
from tests.docs_reference import ABOUT, ROOT, pages, settings


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_page_is_current(page: Path) -> None:
    assert page.read_text("utf-8") == pages()[page], "run 'python -m tests.docs_reference'"


def test_every_setting_is_described_and_nothing_else() -> None:
    assert list(ABOUT) == [one.path for one in settings()]


def test_every_field_of_the_settings_is_a_setting() -> None:
    """Counted apart from the generator, so that a model it overlooks is noticed."""

    def fields(model: type[BaseModel]) -> Iterator[str]:
        yield from model.model_fields
        for field in model.model_fields.values():
            for inner in models_in(field.annotation):
                yield from fields(inner)

    def models_in(annotation: object) -> Iterator[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation is not SecretRef:
            yield annotation
        for part in getattr(annotation, "__args__", ()):
            yield from models_in(part)

    assert set(fields(Settings)) == {part for path in ABOUT for part in path.split(".")} - {"NAME", "N"}


def test_every_reason_and_doubt_is_told() -> None:
    reasons = (ROOT / "docs/reference-reasons.md").read_text("utf-8")
    for reason in [*GROUNDS, *(rule.id for rule in rules())]:
        assert f"| `{reason}` |" in reasons
    doubts = (ROOT / "docs/reference-doubts.md").read_text("utf-8")
    for doubt in DOUBTS:
        assert f"| `{doubt}` |" in doubts


def test_every_rule_file_with_a_literal_id_has_its_metadata() -> None:
    """Ids in heads are METADATA ids: the page lacks none of those that a record can name."""
    told = {rule.id for rule in rules()}
    assert {"request.default.deny", "request.grant.tier", "request.tokens.cap", "conflict.route"} <= told


def test_commands_page_has_every_command() -> None:
    names = [name for name, _ in docs_reference.commands()]
    for name in ("regogate dev", "regogate audit tail", "regogate bundle publish", "regogate opa install"):
        assert name in names
