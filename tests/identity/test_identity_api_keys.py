"""Who is calling, from the snapshot of keys."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from api_key_house import (
    INSTALLATION,
    NEVER_S,
    REFUSED,
    SOURCE,
    TABLES,
    UNAVAILABLE,
    House,
)
from caller_kit import head
from sqlalchemy import insert, update

from dataplane.database import metadata
from dataplane.domain import Identity
from dataplane.identity.api_keys import ApiKeyAuthenticator
from dataplane.identity.keys import new_key
from dataplane.identity.models import api_keys
from dataplane.identity.snapshot import PAGE_ROWS


@pytest.fixture
def lived(tmp_path: Path) -> Callable[[Callable[[House], Coroutine[Any, Any, None]]], None]:
    """Runs a test's story in a house with its table made, and closes everything after."""

    def run(story: Callable[[House], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            house = House(tmp_path)
            await house.elsewhere.run(lambda connection: metadata.create_all(connection, tables=TABLES))
            try:
                await story(house)
            finally:
                await house.authenticator.close()
                await house.database.close()
                await house.elsewhere.close()
            assert asyncio.all_tasks() == {asyncio.current_task()}

        asyncio.run(main())

    return run


Lived = Callable[[Callable[[House], Coroutine[Any, Any, None]]], None]


def test_unknown_wrong_expired_and_revoked_keys_get_one_and_the_same_answer(lived: Lived) -> None:
    async def story(house: House) -> None:
        good, _ = await house.store.create("support")
        expired, _ = await house.store.create("support", lifetime_us=1)
        revoked, _ = await house.store.create("support")
        await house.store.revoke(revoked.id)
        house.us += 1
        await house.authenticator.start()
        last = "B" if good.text[-1] == "A" else "A"
        for text in (
            new_key().text,
            good.text[:-1] + last,
            f"rgk_{good.id}_{new_key().text[-43:]}",
            expired.text,
            revoked.text,
            good.text + "x",
            good.text + " x",
            "rgk_",
            "rgk_" + "x" * 100_000,
            "rgk_\xe9",
        ):
            assert await house.bearer(text) == REFUSED
        assert await house.bearer(good.text) == "support"

    lived(story)


def test_credentials_of_other_kinds_are_not_claimed(lived: Lived) -> None:
    async def story(house: House) -> None:
        good, _ = await house.store.create("support")
        await house.authenticator.start()
        assert await house.outcome() is None
        assert await house.outcome(("authorization", "")) is None
        assert await house.outcome(("authorization", "Bearer")) is None
        assert await house.outcome(("authorization", "Bearer eyJhbGciOi.J9.x")) is None
        assert await house.outcome(("authorization", "Basic dTpw"), ("x-api-key", "sk-other")) is None
        assert await house.outcome(("cookie", good.text), ("api-key", good.text)) is None

    lived(story)


def test_two_credentials_that_differ_are_refused(lived: Lived) -> None:
    async def story(house: House) -> None:
        one, _ = await house.store.create("one")
        two, _ = await house.store.create("two")
        await house.authenticator.start()
        mine = ("x-api-key", one.text)
        for other in (
            ("authorization", f"Bearer {two.text}"),
            ("authorization", "Bearer eyJhbGciOi.J9.x"),
            ("authorization", "Basic dTpw"),
            ("authorization", one.text),
            ("x-api-key", two.text),
            ("x-api-key", ""),
        ):
            expected = "one" if other[1] == one.text else REFUSED
            assert await house.outcome(mine, other) == expected
            assert await house.outcome(other, mine) == expected

    lived(story)


def test_a_good_key_names_its_client_and_its_public_id(lived: Lived) -> None:
    async def story(house: House) -> None:
        key, _ = await house.store.create("support", lifetime_us=10)
        await house.authenticator.start()
        for headers in (
            [("authorization", f"Bearer {key.text}")],
            [("authorization", f"bEARER  {key.text}")],
            [("x-api-key", key.text)],
            [("authorization", f"Bearer {key.text}"), ("x-api-key", key.text)],
        ):
            identity = await house.authenticator.authenticate(head(*headers), SOURCE)
            assert identity == Identity(client_id="support", method="api_key", key_id=key.id)
            assert key.text[-43:] not in repr(identity)
        house.us += 9
        assert await house.bearer(key.text) == "support"
        house.us += 1
        assert await house.bearer(key.text) == REFUSED

    lived(story)


def test_a_known_key_costs_no_database_round_trip(lived: Lived) -> None:
    async def story(house: House) -> None:
        key, _ = await house.store.create("support")
        await house.authenticator.start()
        before = house.database.runs
        for _ in range(50):
            assert await house.bearer(key.text) == "support"
            assert await house.bearer(f"rgk_{key.id}_{'x' * 43}") == REFUSED
        assert house.database.runs == before

    lived(story)


def test_an_unchanged_table_is_not_read_again(lived: Lived) -> None:
    async def story(house: House) -> None:
        await house.store.create("support")
        await house.authenticator.start()
        before = house.database.runs
        assert await house.bearer(new_key().text) == REFUSED
        assert house.database.runs == before + 1

    lived(story)


def test_a_new_key_works_at_once(lived: Lived) -> None:
    async def story(house: House) -> None:
        house.authenticator = house.make(shared_refresh_s=0.05)
        await house.authenticator.start()
        for _ in range(5):
            key, _ = await house.store.create("support")
            assert await house.bearer(key.text) == "support"

    lived(story)


def test_a_refresh_that_had_begun_before_the_key_was_made_is_not_the_answer(lived: Lived) -> None:
    async def story(house: House) -> None:
        await house.authenticator.start()
        house.database.hanging = asyncio.Event()
        house.database.asked.clear()
        first = asyncio.create_task(house.bearer(new_key().text))
        await house.database.asked.wait()
        key, _ = await house.store.create("support")
        second = asyncio.create_task(house.bearer(key.text))
        await asyncio.sleep(0)
        house.database.hanging.set()
        assert await first == REFUSED
        assert await second == "support"

    lived(story)


def test_a_flood_of_unknown_ids_shares_its_refreshes(lived: Lived) -> None:
    async def story(house: House) -> None:
        house.authenticator = house.make(shared_refresh_s=0.1)
        await house.authenticator.start()
        before, began = house.database.runs, time.monotonic()
        for _ in range(3):
            answers = await asyncio.gather(*(house.bearer(new_key().text) for _ in range(100)))
            assert set(answers) == {REFUSED}
        allowed = 1 + (time.monotonic() - began) / 0.1
        assert house.database.runs - before <= allowed

    lived(story)


def test_one_waiting_caller_who_leaves_does_not_spoil_the_refresh_for_others(lived: Lived) -> None:
    async def story(house: House) -> None:
        house.authenticator = house.make(shared_refresh_s=0.05)
        await house.authenticator.start()
        key, _ = await house.store.create("support")
        leaves = asyncio.create_task(house.bearer(key.text))
        stays = asyncio.create_task(house.bearer(key.text))
        await asyncio.sleep(0)
        leaves.cancel()
        assert await stays == "support"

    lived(story)


async def _until(house: House, text: str, expected: str, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while await house.bearer(text) != expected:
        assert time.monotonic() < deadline, f"still not {expected!r}"
        await asyncio.sleep(0.01)


def test_a_revocation_elsewhere_takes_effect_within_two_seconds(lived: Lived) -> None:
    async def story(house: House) -> None:
        house.authenticator = ApiKeyAuthenticator(house.database, INSTALLATION, clock_us=lambda: house.us)
        key, _ = await house.store.create("support")
        await house.authenticator.start()
        assert await house.bearer(key.text) == "support"
        await house.store.revoke(key.id)
        await _until(house, key.text, REFUSED, 2.0)

    lived(story)


def test_a_revocation_by_a_clock_that_lags_is_seen_too(lived: Lived) -> None:
    async def story(house: House) -> None:
        house.authenticator = house.make(refresh_s=0.01)
        first, _ = await house.store.create("support")
        second, _ = await house.store.create("support")
        await house.store.revoke(first.id)
        await house.authenticator.start()
        assert await house.bearer(second.text) == "support"
        house.us -= 3_600_000_000
        await house.store.revoke(second.id)
        await _until(house, second.text, REFUSED, 5.0)

    lived(story)


def test_while_the_database_is_down_known_keys_work_and_unknown_ones_do_not(lived: Lived) -> None:
    async def story(house: House) -> None:
        house.authenticator = house.make(refresh_s=0.01)
        known, _ = await house.store.create("support")
        await house.authenticator.start()
        house.database.down = True
        unseen, _ = await house.store.create("support")
        for _ in range(3):
            assert await house.bearer(known.text) == "support"
            assert await house.bearer(unseen.text) == UNAVAILABLE
            assert await house.bearer(f"rgk_{known.id}_{'x' * 43}") == REFUSED
        assert house.authenticator.problems() == []
        house.database.down = False
        await _until(house, unseen.text, "support", 5.0)

    lived(story)


def test_a_database_that_hangs_costs_an_unknown_key_a_bounded_wait(lived: Lived) -> None:
    async def story(house: House) -> None:
        known, _ = await house.store.create("support")
        house.authenticator = ApiKeyAuthenticator(
            house.database, INSTALLATION, clock_us=lambda: house.us, refresh_s=NEVER_S, wait_s=0.05
        )
        await house.authenticator.start()
        house.database.hanging = asyncio.Event()
        async with asyncio.timeout(10):
            assert await house.bearer(new_key().text) == UNAVAILABLE
        assert await house.bearer(known.text) == "support"

    lived(story)


def test_it_is_not_ready_until_the_keys_were_loaded_once_and_recovers_by_itself(lived: Lived) -> None:
    async def story(house: House) -> None:
        key, _ = await house.store.create("support")
        house.authenticator = house.make(refresh_s=0.01)
        assert house.authenticator.problems() == ["identity: API keys are not loaded (not started)"]
        house.database.down = True
        await house.authenticator.start()
        assert house.authenticator.problems() == ["identity: API keys are not loaded (OperationalError)"]
        assert house.authenticator.snapshot.age_s() is None
        assert await house.bearer(key.text) == UNAVAILABLE
        house.database.down = False
        await _until(house, key.text, "support", 5.0)
        assert house.authenticator.problems() == []
        age = house.authenticator.snapshot.age_s()
        assert age is not None
        assert age >= 0

    lived(story)


def test_a_table_of_several_pages_is_read_whole(lived: Lived) -> None:
    async def story(house: House) -> None:
        key, row = await house.store.create("support")
        ids = [new_key() for _ in range(2 * PAGE_ROWS)]
        await house.elsewhere.run(
            lambda connection: connection.execute(
                insert(api_keys),
                [
                    {"id": k.id, "client_id": "x", "prefix": k.prefix, "digest": row.digest, "created_us": 1}
                    for k in ids
                ],
            )
        )
        await house.authenticator.start()
        before = house.database.runs
        assert await house.bearer(key.text) == "support"
        for each in ids:
            assert await house.bearer(each.text) == REFUSED
        assert house.database.runs == before

    lived(story)


def test_a_key_moved_to_another_id_does_not_open_it(lived: Lived) -> None:
    async def story(house: House) -> None:
        key, _ = await house.store.create("support")
        other = new_key()
        await house.elsewhere.run(
            lambda connection: connection.execute(update(api_keys).values(id=other.id, prefix=other.prefix))
        )
        await house.authenticator.start()
        assert await house.bearer(f"rgk_{other.id}_{key.text[-43:]}") == REFUSED
        assert await house.bearer(key.text) == REFUSED

    lived(story)
