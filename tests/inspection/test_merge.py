"""One finding for each thing found."""

from __future__ import annotations

from dataplane.findings import Level
from dataplane.inspection.merge import MOST, Found, merged


def found(kind: str, start: int, end: int, score: int = 90, depth: int = 0) -> Found:
    level = Level.HIGH if score >= 80 else Level.MEDIUM if score >= 50 else Level.LOW
    return Found(kind, level, score, start, end, depth)


def test_of_one_kind_in_one_place_the_surest_stays() -> None:
    weak, sure = found("injection", 0, 90, 60), found("injection", 30, 60, 95)
    assert merged([weak, sure]) == [sure]


def test_what_was_found_through_a_trick_too_is_told_as_it_stands() -> None:
    plain, seen_through = found("injection", 3, 20), found("injection", 0, 40, depth=1)
    assert merged([seen_through, plain]) == [plain]


def test_attacks_of_different_kinds_in_one_place_are_all_told() -> None:
    both = [found("exfiltration", 0, 20), found("injection", 0, 20)]
    assert merged(both) == both


def test_a_value_known_by_its_form_wins_over_one_guessed_from_what_stands_around() -> None:
    generic, known = found("secret.generic", 8, 48, 95), found("secret.github_token", 8, 48, 90)
    assert merged([generic, known]) == [known]


def test_a_number_within_a_longer_one_is_no_number_of_its_own() -> None:
    card, phone = found("pii.card", 0, 19, 85), found("pii.phone", 5, 19, 95)
    assert merged([phone, card]) == [card]


def test_a_value_that_holds_a_more_specific_one_is_told_too() -> None:
    """Else what is left of it would stay when the other is redacted."""
    generic, email = found("secret.generic", 0, 40), found("pii.email", 10, 30)
    assert merged([email, generic]) == [generic, email]


def test_a_low_one_gives_way() -> None:
    low, high = found("pii.phone", 0, 30, 20), found("pii.card", 5, 24)
    assert merged([low, high]) == [high]


def test_they_come_in_order() -> None:
    one, two = found("pii.email", 20, 30), found("pii.card", 0, 10)
    assert merged([one, two]) == [two, one]


def test_thousands_are_merged_in_little_time_and_none_is_lost() -> None:
    emails = [found("pii.email", at, at + 6) for at in range(0, 70_000, 7)]
    attack = found("injection", 0, 70_000)
    assert merged([*reversed(emails), attack, attack]) == [emails[0], attack, *emails[1:]]


def test_more_overlapping_values_than_can_be_told_apart_are_all_told() -> None:
    values = [found("secret.generic", at, at + 20) for at in range(2 * MOST)]
    assert merged(values) == values
