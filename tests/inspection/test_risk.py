"""What findings come to."""

from __future__ import annotations

import pytest

from dataplane.findings import Finding, Level, Origin
from dataplane.inspection.risk import Weighing


def finding(kind: str, level: Level = Level.HIGH, score: int = 100) -> Finding:
    return Finding(kind=kind, level=level, score=score, origin=Origin.USER, spans=())


@pytest.mark.parametrize(
    "row",
    [
        {"risk": {"pii": 101}},
        {"risk": {"pii": True}},
        {"risk": {"pii": 1.5}},
        {"risk": [1]},
        {"data_class": {"pii": "secret"}},
        {"data_class": "restricted"},
    ],
)
def test_a_row_that_cannot_be_used_is_refused(row: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="inspection"):
        Weighing(row)


def test_nothing_found_is_no_risk_and_says_nothing_of_the_data() -> None:
    assert Weighing({}).risk([]) == 0
    assert Weighing({}).data_class([]) is None


def test_kinds_add_up_as_independent_evidence_and_more_of_one_kind_does_not() -> None:
    weighing = Weighing({"risk": {"injection": 50, "pii": 50}})
    assert weighing.risk([finding("injection")]) == 50
    assert weighing.risk([finding("injection"), finding("injection")]) == 50
    assert weighing.risk([finding("injection"), finding("pii.email")]) == 75


def test_a_lower_level_or_score_weighs_less() -> None:
    weighing = Weighing({})
    high, medium, low = (weighing.risk([finding("jailbreak", level)]) for level in reversed(Level))
    assert high > medium > low > 0
    assert weighing.risk([finding("jailbreak", score=80)]) < high


def test_the_longest_pattern_says_what_a_kind_weighs() -> None:
    weighing = Weighing({"risk": {"pii": 10, "pii.us_*": 30, "pii.us_ssn": 70}})
    found = [weighing.risk([finding(kind)]) for kind in ("pii.email", "pii.us_itin", "pii.us_ssn")]
    assert found == [10, 30, 70]


def test_the_highest_class_of_a_detection_is_the_class_of_the_data() -> None:
    weighing = Weighing({})
    assert weighing.data_class([finding("pii.email"), finding("secret.jwt")]) == "restricted"
    assert weighing.data_class([finding("pii.email", Level.MEDIUM)]) == "confidential"
    assert weighing.data_class([finding("pii.email", Level.LOW), finding("injection")]) is None


def test_a_site_may_say_otherwise() -> None:
    weighing = Weighing({"data_class": {"custom.project_names": "restricted", "pii": "internal"}})
    assert weighing.data_class([finding("custom.project_names")]) == "restricted"
    assert weighing.data_class([finding("pii.phone")]) == "internal"
