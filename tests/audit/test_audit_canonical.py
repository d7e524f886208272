"""The bytes of a record."""

import rfc8785
from audit_kit import KEY
from hypothesis import given
from hypothesis import strategies as st

from dataplane.audit.canonical import MAX_INT, canonical
from dataplane.audit.draft import draft
from dataplane.audit.record import Recorder

NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = TEXT | st.booleans() | st.integers(-MAX_INT, MAX_INT) | st.lists(TEXT)


@given(st.dictionaries(NAMES, VALUES))
def test_the_bytes_are_those_of_rfc_8785(fields: dict[str, str | int | bool | list[str]]) -> None:
    assert canonical(fields) == rfc8785.dumps(fields)


def test_hostile_values_are_mended_rather_than_refused() -> None:
    hostile = {"a": "x\ud800y", "b": 10**30, "c": -(10**30), "d": ["\udfff"], "e": True, "f": "\x00"}
    mended = {"a": "x\ufffdy", "b": MAX_INT, "c": -MAX_INT, "d": ["\ufffd"], "e": True, "f": "\x00"}
    assert canonical(hostile) == rfc8785.dumps(mended)  # type: ignore[arg-type]


FIELDS = st.dictionaries(
    st.sampled_from(["client_id", "model", "reasons", "path", "status", "a", "principal", "tier"]),
    VALUES | st.sampled_from(['"prev":""', '","prev":"","wseq":0}', "prev", "wseq"]),
)


@given(FIELDS, st.integers(1, MAX_INT), st.integers(0, 2**256 - 1))
def test_a_placed_draft_has_the_canonical_bytes_of_its_fields(
    fields: dict[str, str | int | bool | list[str]], wseq: int, number: int
) -> None:
    prev = f"{number:064x}"
    made = draft("beat", "writer-1", fields)
    assert made.placed(wseq, prev) == rfc8785.dumps(fields | {"prev": prev, "wseq": wseq})


def test_a_note_holds_flat_values_under_names_of_its_own() -> None:
    recorder = Recorder(key=KEY, writer="w")
    for kind, fields, error in (
        ("key", {"a": 1.5}, TypeError),
        ("key", {"a": None}, TypeError),
        ("key", {"a": {"b": "c"}}, TypeError),
        ("key", {"a": ["b", 1]}, TypeError),
        ("key", {"prev": "x"}, ValueError),
        ("key", {"id": "x"}, ValueError),
        ("key", {"zone": "x"}, ValueError),
        ("key", {"é": "x"}, ValueError),
        ("other", {}, ValueError),
    ):
        try:
            recorder.note(kind, fields)
        except error:
            continue
        raise AssertionError((kind, fields))
    assert recorder.note("key", {"a": "b", "c": ["d"], "e": True, "f": 1}).kind == "key"
