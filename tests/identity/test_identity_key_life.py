"""Keys that are bound, too old, rotated or used while the database is away."""

from __future__ import annotations

import hashlib
import time
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from caller_kit import bearer
from hypothesis import assume, given
from hypothesis import strategies as st
from key_house import (
    DAY_US,
    SOURCE,
    UNAUTHENTICATED,
    UNAVAILABLE,
    House,
    lived,
    outcome,
    until,
)

from dataplane.config import KeySettings
from dataplane.domain import Source
from dataplane.identity.bindings import BadBinding, network_fits, read_fingerprint, read_networks
from dataplane.identity.keys import new_key
from dataplane.identity.store import KeyProblem, Settled, UnknownKey
from dataplane.identity.uses import EVERY_US, LastUses

CERTIFICATE = b"a certificate in DER"
FINGERPRINT = hashlib.sha256(CERTIFICATE).hexdigest()


def at(ip: str) -> Source:
    return Source(ip=ip)


def test_a_bound_key_is_refused_from_elsewhere_and_the_use_is_told(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        key, row = await house.store.create("support", networks=["10.0.0.0/8", "2001:db8::/32"])
        keys = await house.authenticator()
        for ip in ("11.0.0.1", "203.0.113.7", "2001:db9::1", "0.0.0.0", "no address"):
            assert await outcome(keys, key.text, at(ip)) == UNAUTHENTICATED
        assert house.refused == [(row.id, "network", "r")] * 5
        for ip in ("10.200.0.1", "2001:db8::7", "::ffff:10.1.1.1"):
            assert await outcome(keys, key.text, at(ip)) == "support"
        assert len(house.refused) == 5

    lived(tmp_path, story)


def test_a_name_means_what_the_policy_says_now(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        table: dict[str, tuple[object, ...]] = {}
        known = False
        key, _ = await house.store.create("support", networks=["corp", "192.0.2.0/24"])
        keys = await house.authenticator(named=lambda: table if known else None)
        # Before the policy was read nobody can say, and nobody is called unknown.
        assert await outcome(keys, key.text, at("10.1.1.1")) == "gateway.policy_unavailable"
        assert await outcome(keys, key.text, at("192.0.2.9")) == "support"
        known = True
        assert await outcome(keys, key.text, at("10.1.1.1")) == UNAUTHENTICATED
        table["corp"] = (ip_network("10.0.0.0/8"),)
        assert await outcome(keys, key.text, at("10.1.1.1")) == "support"
        assert await outcome(keys, key.text, at("11.1.1.1")) == UNAUTHENTICATED
        table.clear()
        assert await outcome(keys, key.text, at("10.1.1.1")) == UNAUTHENTICATED

    lived(tmp_path, story)


def test_a_key_bound_to_a_certificate_needs_that_one(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        key, row = await house.store.create("support", certificate=FINGERPRINT)
        free, _ = await house.store.create("support")
        keys = await house.authenticator()
        for shown in (None, b"", b"another certificate"):
            source = Source(ip=SOURCE.ip, client_cert=shown is not None, certificate=shown)
            assert await outcome(keys, key.text, source) == UNAUTHENTICATED
        assert {why for _, why, _ in house.refused} == {"certificate"}
        source = Source(ip=SOURCE.ip, client_cert=True, certificate=CERTIFICATE)
        identity = await keys.authenticate(bearer(key.text), source)
        assert identity is not None
        assert (identity.key_id, identity.cert_bound) == (row.id, True)
        unbound = await keys.authenticate(bearer(free.text), source)
        assert unbound is not None
        assert unbound.cert_bound is False

    lived(tmp_path, story)


def test_a_key_is_refused_at_its_maximum_age_whatever_its_expiry(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        key, row = await house.store.create("support", lifetime_us=400 * DAY_US)
        keys = await house.authenticator(KeySettings(max_age_days=90))
        forever = await house.authenticator(KeySettings(max_age_days=0))
        house.us += 90 * DAY_US - 1
        assert await outcome(keys, key.text) == "support"
        house.us += 1
        assert await outcome(keys, key.text) == UNAUTHENTICATED
        assert house.refused == [(row.id, "too_old", "r")]
        assert await outcome(forever, key.text) == "support"
        house.us += 310 * DAY_US
        assert await outcome(forever, key.text) == UNAUTHENTICATED
        assert house.refused[-1][1] == "expired"

    lived(tmp_path, story)


def test_only_a_use_with_the_right_secret_is_told(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        key, row = await house.store.create("support")
        await house.store.revoke(row.id)
        keys = await house.authenticator()
        assert await outcome(keys, f"rgk_{row.id}_{'x' * 43}") == UNAUTHENTICATED
        assert await outcome(keys, new_key().text) == UNAUTHENTICATED
        assert house.refused == []
        assert await outcome(keys, key.text) == UNAUTHENTICATED
        assert house.refused == [(row.id, "revoked", "r")]

    lived(tmp_path, story)


def test_known_keys_outlive_an_outage_of_a_minute_but_not_of_the_limit(tmp_path: Path) -> None:
    """The clock is the test's, so that a minute takes no minute."""

    async def story(house: House) -> None:
        key, _ = await house.store.create("support")
        late_s = 0.0
        keys = await house.authenticator(
            KeySettings(max_stale_s=60), refresh_s=3600.0, clock_s=lambda: time.monotonic() + late_s
        )
        assert keys.problems() == []
        house.database.down = True
        for late_s in (1.0, 30.0, 59.0):  # noqa: B007  the clock reads it
            assert await outcome(keys, key.text) == "support"
            assert await outcome(keys, new_key().text) == UNAVAILABLE
        late_s = 61.0
        assert await outcome(keys, key.text) == UNAVAILABLE
        [problem] = keys.problems()
        assert "s old" in problem
        house.database.down = False
        assert await outcome(keys, new_key().text) == UNAUTHENTICATED
        assert await outcome(keys, key.text) == "support"

    lived(tmp_path, story)


def test_both_keys_work_in_the_overlap_and_then_the_new_one_alone(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        old, row = await house.store.create(
            "support", lifetime_us=90 * DAY_US, label="billing", networks=["203.0.113.0/24"]
        )
        keys = await house.authenticator(KeySettings(max_age_days=0))
        house.us += 80 * DAY_US
        rotation = await house.store.rotate(row.id, overlap_us=DAY_US)
        new = rotation.new
        assert (new.row.rotated_from, new.row.label, new.row.networks) == (row.id, "billing", row.networks)
        assert new.row.expires_us == house.us + 90 * DAY_US
        assert rotation.old.expires_us == house.us + DAY_US
        assert await outcome(keys, new.key.text) == "support"

        async def ended() -> bool:
            return await outcome(keys, old.text) == UNAUTHENTICATED

        assert not await ended()
        house.us += DAY_US
        await until(ended)
        assert await outcome(keys, new.key.text) == "support"
        assert house.refused[-1][:2] == (row.id, "expired")

    lived(tmp_path, story)


def test_a_rotation_never_lengthens_a_life_and_happens_once(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        _, row = await house.store.create("support", lifetime_us=DAY_US)
        rotation = await house.store.rotate(row.id, overlap_us=5 * DAY_US, lifetime_us=7 * DAY_US)
        assert rotation.old.expires_us == row.expires_us
        assert rotation.new.row.expires_us == house.us + 7 * DAY_US
        with pytest.raises(Settled, match=rotation.new.row.id):
            await house.store.rotate(row.id, overlap_us=0)
        await house.store.revoke(rotation.new.row.id)
        with pytest.raises(Settled, match="revoked"):
            await house.store.rotate(rotation.new.row.id, overlap_us=0)
        with pytest.raises(UnknownKey):
            await house.store.rotate("abcdefghij", overlap_us=0)
        for overlap_us, lifetime_us in ((-1, None), (31 * DAY_US, None), (0, 0)):
            with pytest.raises(KeyProblem):
                await house.store.rotate(row.id, overlap_us=overlap_us, lifetime_us=lifetime_us)

    lived(tmp_path, story)


def test_every_key_of_a_client_that_can_be_is_rotated_at_once(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        made = [(await house.store.create("support"))[1] for _ in range(3)]
        await house.store.create("other")
        await house.store.revoke(made[0].id)
        first = await house.store.rotate(made[1].id, overlap_us=DAY_US)
        rotations = await house.store.rotate_client("support", overlap_us=0)
        assert {one.old.id for one in rotations} == {made[2].id, first.new.row.id}
        states = {row.id: row.state(house.us) for row in await house.store.list_keys("support")}
        assert [states[one.old.id] for one in rotations] == ["expired", "expired"]
        with pytest.raises(UnknownKey, match="nobody"):
            await house.store.rotate_client("nobody", overlap_us=0)

    lived(tmp_path, story)


def test_last_use_is_written_once_a_minute_and_never_backwards(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        key, row = await house.store.create("support")
        uses = LastUses(house.database)

        async def stored() -> int | None:
            return (await house.store.show(key.id)).last_used_us

        for _ in range(1000):
            uses.used(row.id, house.us)
        before = house.database.runs
        await uses.flush()
        assert house.database.runs == before + 1
        assert await stored() == house.us

        uses.used(row.id, house.us + EVERY_US - 1)
        before = house.database.runs
        await uses.flush()
        assert house.database.runs == before

        house.database.down = True
        uses.used(row.id, house.us + EVERY_US)
        await uses.flush()
        house.database.down = False
        assert await stored() == house.us
        await uses.flush()
        assert await stored() == house.us + EVERY_US

        # Another process saw an earlier call, or one within the same minute.
        other = LastUses(house.database)
        for us in (house.us, house.us + EVERY_US + 5):
            other.used(row.id, us)
            await other.flush()
        assert await stored() == house.us + EVERY_US

    lived(tmp_path, story)


def test_calls_leave_their_last_use_when_the_gateway_stops(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        key, row = await house.store.create("support")
        keys = await house.authenticator()
        assert await outcome(keys, key.text) == "support"
        await keys.close()
        assert (await house.store.show(row.id)).last_used_us == house.us

    lived(tmp_path, story)


@pytest.mark.parametrize(
    "network",
    ["", "10.0.0.1/8", "10.0.0.0/33", "10.1.2.300", "corp net", "a/b", "2001:db8::g", "-x", "x" * 65, "é"],
)
def test_what_is_no_network_is_refused(network: str) -> None:
    with pytest.raises(BadBinding):
        read_networks([network])


def test_networks_are_kept_in_one_form() -> None:
    given = ["10.0.0.0/8", "corp", "10.1.2.3", "::ffff:10.0.0.0/104", "2001:DB8::/32", "corp"]
    assert read_networks(given) == ("10.0.0.0/8", "corp", "10.1.2.3/32", "2001:db8::/32")
    with pytest.raises(BadBinding, match="32"):
        read_networks([f"10.0.0.{n}" for n in range(33)])


@pytest.mark.parametrize(
    "text", ["", "ab", "g" * 64, FINGERPRINT[:-1], FINGERPRINT + "0", "a" * 40, "١" * 64]
)
def test_what_is_no_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(BadBinding):
        read_fingerprint(text)


def test_a_fingerprint_is_taken_as_tools_print_it() -> None:
    colons = ":".join(FINGERPRINT[i : i + 2] for i in range(0, 64, 2)).upper()
    for text in (FINGERPRINT, colons, f"sha256 Fingerprint={colons}", f"SHA256:{FINGERPRINT}"):
        assert read_fingerprint(text) == FINGERPRINT


@given(st.text(max_size=80))
def test_any_text_is_a_network_in_one_form_or_refused(text: str) -> None:
    try:
        [found] = read_networks([text])
    except BadBinding:
        return
    assert read_networks([found]) == (found,)
    assert found.isascii()


@given(st.ip_addresses(), st.integers(min_value=0, max_value=32))
def test_an_address_is_in_the_blocks_around_it_and_nowhere_else(address: Any, prefix: int) -> None:
    assume(getattr(address, "ipv4_mapped", None) is None)  # a source has these as IPv4
    block = str(ip_network(f"{address}/{prefix}", strict=False))
    [kept] = read_networks([block])
    assert network_fits([kept], at(str(address)), lambda: None)
    other = "192.0.2.1" if address.version == 6 else "2001:db8::1"
    assert not network_fits([str(ip_network(str(address)))], at(other), lambda: None)
