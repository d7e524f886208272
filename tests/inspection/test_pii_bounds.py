"""Personal data in texts made of nothing else: the same is found, and others have their turn."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataplane.findings import Origin
from dataplane.inspection.catalogue import families
from dataplane.inspection.engine import Engine
from dataplane.inspection.inspector import make_inspector
from dataplane.inspection.joined import Joined
from dataplane.inspection.recognizer import PAUSE, PAUSE_AFTER
from dataplane.inspection.recognizers import pii, pii_context, pii_net

RECOGNIZER = pii.make({})
ENGINE = Engine(RECOGNIZER.patterns)


@pytest.mark.parametrize("value", ["a@b.co", "93.184.216.34", "+1 212 555 0142"])
def test_others_have_their_turn_between_many_values(value: str) -> None:
    text = f"{value}, " * (PAUSE_AFTER * 3)
    said = list(RECOGNIZER.recognize(text, ENGINE.scan(text), Origin.USER))
    assert said.count(PAUSE) >= 3
    assert len([each for each in said if each is not PAUSE]) == PAUSE_AFTER * 3


def test_pauses_are_steps_of_an_inspection_and_no_findings() -> None:
    off = {name: {"enabled": False} for name in (each.name for each in families({})) if name != "pii"}
    inspector = make_inspector("1-g0-0", off, key=b"k" * 32)
    text = "a@b.co, " * (PAUSE_AFTER * 3)
    document = Joined(text=text, origin=Origin.USER, starts=(0,), indices=(0,))
    found: list = []
    steps = list(inspector._steps(document, found))
    assert len(steps) >= 5
    assert not any(failed for _, failed in steps)
    assert {each.kind for each in found} == {"pii.email"}


WORDS = [
    "phone",
    "PHONES",
    "tel",
    "telf",
    "mob",
    "cell",
    "calls",
    "my number is",
    "visa",
    "card",
    "cc",
    "fax",
]


@settings(derandomize=True, database=None, deadline=None, max_examples=300)
@given(st.lists(st.sampled_from([*WORDS, " ", "_", "x", ": ", "\u00e9", "m\u00f3vil", "\u212a"]), max_size=6))
def test_the_quick_look_for_words_before_a_number_leaves_none_out(parts: list[str]) -> None:
    words = "".join(parts)
    assert pii_context.says_phone(words) is (pii_context._PHONE.search(words) is not None)
    assert pii_context.says_card(words) is (pii_context._CARD.search(words) is not None)


@settings(derandomize=True, database=None, deadline=None, max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            ["version", "v", "build", "==", "@", "1.2.3.4", "1.2", " to ", " ", "=", "(", ",", '"']
        ),
        max_size=6,
    )
)
def test_the_quick_look_for_a_version_leaves_none_out(parts: list[str]) -> None:
    before = "".join(parts)
    assert pii_net._says_version(before) is (pii_net._VERSION_BEFORE.search(before) is not None)
