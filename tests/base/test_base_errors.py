"""Every reason has a whole answer, and waits are told in whole seconds, rounded up."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataplane.errors import GROUNDS, ConfigError, Ground, Refused, blocked_by_policy, limited


@pytest.mark.parametrize("reason", GROUNDS)
def test_every_ground_has_a_status_type_code_and_sentence(reason: str) -> None:
    ground = GROUNDS[reason]
    assert re.fullmatch(r"gateway\.[a-z_]+", reason)
    assert 400 <= ground.status <= 599
    assert re.fullmatch(r"[a-z_]+", ground.code)
    assert ground.type in {
        "invalid_request_error",
        "authentication_error",
        "permission_error",
        "server_error",
    }
    assert (ground.type == "server_error") == (ground.status >= 500)
    assert ground.message[0].isupper()
    assert ground.message.endswith(".")
    refused = Refused(reason)
    assert (refused.reasons, refused.status, refused.code) == ((reason,), ground.status, ground.code)
    assert str(refused) == f"{reason}: {ground.message}"


def test_a_reason_nobody_knows_cannot_be_raised() -> None:
    with pytest.raises(KeyError):
        Refused("gateway.no_such_reason")


def test_a_refusal_may_say_more_than_its_ground() -> None:
    refused = Refused("gateway.invalid_field", "n must be 1.", code="bad_n", param="n")
    assert (refused.message, refused.code, refused.param, refused.status) == (
        "n must be 1.",
        "bad_n",
        "n",
        400,
    )


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "permission_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "invalid_request_error"),
        (429, "rate_limit_error"),
        (503, "server_error"),
    ],
)
def test_a_block_of_policy_has_the_type_of_its_status(status: int, kind: str) -> None:
    refused = blocked_by_policy(("request.a", "request.b"), status, "policy_blocked")
    assert (refused.status, refused.type, refused.code) == (status, kind, "policy_blocked")
    assert refused.reasons == ("request.a", "request.b")
    assert refused.message == "Blocked by policy: request.a, request.b."


@pytest.mark.parametrize(
    ("wait_s", "told"), [(0, 1), (0.001, 1), (1, 1), (1.000001, 2), (59.2, 60), (3600, 3600)]
)
def test_a_wait_is_told_in_whole_seconds_rounded_up(wait_s: float, told: int) -> None:
    refused = limited("client.rpm", wait_s)
    assert refused.message == f"Limit client.rpm is used up; try again in {told} s."
    assert (refused.status, refused.reasons) == (429, ("limit.client.rpm",))
    assert refused.retry_after_s == wait_s


@given(st.floats(min_value=0, max_value=1e9))
def test_whoever_waits_as_told_has_waited_long_enough(wait_s: float) -> None:
    told = int(re.findall(r"in (\d+) s", limited("l", wait_s).message)[0])
    assert wait_s <= told < wait_s + 2


def test_a_config_error_keeps_its_problems_apart() -> None:
    assert ConfigError("one").problems == ["one"]
    assert str(ConfigError(["one", "two"])) == "one\ntwo"


def test_grounds_cannot_be_changed() -> None:
    ground: Ground = GROUNDS["gateway.framing"]
    with pytest.raises(AttributeError):
        ground.status = 200  # type: ignore[misc]
