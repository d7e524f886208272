"""Only a revision that OPA's status reported counts, and never one older than the floor."""

from __future__ import annotations

from typing import Any

import pytest

from dataplane.policy.activation import Activation, Activations, Switch, parse_revision

R1, R2, R3 = (f"{seq}-gabcdef0-0123456789ab" for seq in (1, 2, 3))


def status(revision: str | None, **more: Any) -> dict[str, Any]:
    return {
        "bundles": {"main": {"name": "main", **({"active_revision": revision} if revision else {}), **more}}
    }


@pytest.fixture
def seen() -> list[Switch]:
    return []


@pytest.fixture
def activations(seen: list[Switch]) -> Activations:
    return Activations(bundle="main", on_switch=seen.append)


def test_nothing_counts_before_a_status_reports_it(activations: Activations) -> None:
    assert not activations.accepts(R1, None)
    assert activations.problem == "no signed bundle is active yet"


def test_a_reported_revision_counts_and_is_told_once(activations: Activations, seen: list[Switch]) -> None:
    activations.observe(status(R1))
    activations.observe(status(R1))
    assert activations.accepts(R1, None)
    assert activations.problem is None
    assert [switch.activation for switch in seen] == [Activation(revision=R1, seq=1)]


def test_an_answer_under_the_former_revision_counts_only_for_calls_begun_under_it(
    activations: Activations,
) -> None:
    activations.observe(status(R1))
    began = activations.current
    activations.observe(status(R2))
    assert activations.accepts(R1, began)
    assert not activations.accepts(R1, activations.current)
    assert activations.accepts(R2, began)


def test_an_older_sequence_stops_everything_until_a_newer_one(
    activations: Activations, seen: list[Switch]
) -> None:
    activations.observe(status(R2))
    began = activations.current
    activations.observe(status(R1))
    activations.observe(status(R1))
    assert activations.rolled_back
    assert not activations.accepts(R1, began)
    assert not activations.accepts(R2, began)
    assert "older than sequence 2" in (activations.problem or "")
    assert len([switch for switch in seen if switch.refused]) == 1
    activations.observe(status(R3))
    assert activations.accepts(R3, None)
    assert activations.problem is None


def test_a_floor_learnt_later_judges_what_is_active(activations: Activations) -> None:
    activations.observe(status(R1))
    activations.raise_floor(2)
    assert activations.rolled_back


def test_a_restarted_opa_counts_again_with_its_first_report(activations: Activations) -> None:
    activations.observe(status(R1))
    activations.lost()
    assert not activations.accepts(R1, None)
    activations.observe(status(None))
    assert activations.problem == "no signed bundle is active yet"
    activations.observe(status(R1))
    assert activations.accepts(R1, None)


def test_a_refused_bundle_is_told_once_and_the_old_one_stays(
    activations: Activations, seen: list[Switch]
) -> None:
    activations.observe(status(R1))
    for _ in range(2):
        activations.observe(status(R1, code="bundle_error", message="scope mismatch"))
    assert activations.accepts(R1, None)
    assert activations.last_refusal == "bundle_error: scope mismatch"
    assert [switch.refused for switch in seen if switch.refused] == ["bundle_error: scope mismatch"]
    activations.observe(status(R1))
    assert activations.last_refusal is None


def test_a_bundle_we_cannot_honour_counts_for_nothing_until_another(activations: Activations) -> None:
    activations.observe(status(R1))
    activations.reject(R1, "schema 2")
    activations.observe(status(R1))
    assert not activations.accepts(R1, None)
    activations.observe(status(R2))
    assert activations.accepts(R2, None)


@pytest.mark.parametrize(
    "text", ["", "fake-9", "0-gabcdef0-0123456789ab", "1-gabcdef-0123456789ab", R1 + "x", "9" * 30 + R1]
)
def test_a_revision_of_another_form_does_not_count(activations: Activations, text: str) -> None:
    assert parse_revision(text) is None
    activations.observe(status(text))
    assert not activations.accepts(text, None)
    assert activations.problem


@pytest.mark.parametrize(
    "junk", [None, [], {}, {"bundles": []}, {"bundles": {"main": 3}}, {"bundles": {"other": {}}}]
)
def test_a_status_of_another_form_changes_nothing(activations: Activations, junk: Any) -> None:
    activations.observe(status(R1))
    activations.observe(junk)
    assert activations.accepts(R1, None)


def test_a_status_below_the_floor_is_known_before_it_is_believed(activations: Activations) -> None:
    activations.observe(status(R2))
    assert activations.goes_back(status(R1))
    assert not activations.goes_back(status(R2))
    assert not activations.goes_back(status(R3))
    assert not activations.goes_back(None)
    assert activations.accepts(R2, None)
