"""The keeper: each activation is noted, its floor stored however long that takes, and a rollback seen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from dataplane.policy.activation import Activations
from dataplane.policy.client import OpaClient
from dataplane.policy.engine import STATUS_DEADLINE_S, OpaEngine
from dataplane.policy.keeper import ActivationKeeper

R1, R2 = (f"{seq}-gabcdef0-0123456789ab" for seq in (1, 2))


def status(revision: str | None, **more: Any) -> dict[str, Any]:
    return {"bundles": {"main": ({"active_revision": revision} if revision else {}) | more}}


class FakeFloors:
    """A durable floor whose database may be down."""

    def __init__(self) -> None:
        self.floor = 0
        self.fails = 0
        self.on_read: Callable[[], None] = lambda: None
        self.raised: list[tuple[str, int, str]] = []

    def _maybe_fail(self) -> None:
        if self.fails:
            self.fails -= 1
            raise OSError("connection refused to db.example with secret-password")

    async def highest(self, channel: str) -> int:
        self._maybe_fail()
        self.on_read()
        return self.floor

    async def raise_floor(self, channel: str, seq: int, revision: str) -> None:
        self._maybe_fail()
        self.floor = max(self.floor, seq)
        self.raised.append((channel, seq, revision))


class Scene:
    def __init__(self) -> None:
        self.floors = FakeFloors()
        self.notes: list[tuple[str, dict[str, str | int]]] = []
        self.keeper = ActivationKeeper(
            bundle="main", channel="prod", floors=self.floors, note=self._note, refresh_s=0.01, retry_s=0.01
        )

    def _note(self, kind: str, fields: Mapping[str, str | int]) -> None:
        self.notes.append((kind, dict(fields)))

    @property
    def activations(self) -> Activations:
        return self.keeper.activations


def play(story: Callable[[Scene], Awaitable[None]]) -> Scene:
    scene = Scene()

    async def main() -> None:
        async with asyncio.timeout(10):
            try:
                await story(scene)
            finally:
                await scene.keeper.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}, "closing left work behind"

    asyncio.run(main())
    return scene


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


def test_an_activation_is_noted_and_its_floor_stored() -> None:
    async def story(scene: Scene) -> None:
        scene.keeper.observe(status(R2))
        await until(lambda: bool(scene.floors.raised))

    scene = play(story)
    assert scene.floors.raised == [("prod", 2, R2)]
    expected = {"event": "activated", "channel": "prod", "policy_revision": R2, "seq": 2}
    assert scene.notes == [("bundle", expected)]


def test_a_refused_bundle_is_noted_with_opa_s_reason() -> None:
    async def story(scene: Scene) -> None:
        scene.keeper.observe(status(None, code="bundle_error", message="scope mismatch"))

    scene = play(story)
    expected = {"event": "refused", "channel": "prod", "why": "bundle_error: scope mismatch"}
    assert scene.notes == [("bundle", expected)]
    assert scene.floors.raised == []


def test_the_durable_floor_makes_an_older_bundle_count_for_nothing() -> None:
    async def story(scene: Scene) -> None:
        scene.floors.floor = 2
        assert await scene.keeper.learn_floor() == 2
        scene.keeper.observe(status(R1))
        assert scene.activations.rolled_back

    scene = play(story)
    assert [fields["event"] for _, fields in scene.notes] == ["refused"]
    assert scene.floors.raised == []


def test_a_database_that_is_down_at_the_start_is_the_caller_s_to_know() -> None:
    async def story(scene: Scene) -> None:
        scene.floors.fails = 1
        with pytest.raises(OSError, match="refused"):
            await scene.keeper.learn_floor()

    play(story)


def test_a_floor_is_stored_when_the_database_is_back_and_no_error_text_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(scene: Scene) -> None:
        scene.floors.fails = 3
        scene.keeper.observe(status(R1))
        await until(lambda: bool(scene.floors.raised))

    assert play(story).floors.floor == 1
    waits = [record for record in caplog.records if record.getMessage() == "sequence floor not stored yet"]
    assert len(waits) == 3
    assert "secret-password" not in "".join(str(record.__dict__) for record in caplog.records)


def test_closing_does_not_wait_for_a_database_that_is_down() -> None:
    async def story(scene: Scene) -> None:
        scene.floors.fails = 10**9
        scene.keeper.observe(status(R1))
        await asyncio.sleep(0)

    assert play(story).floors.raised == []


def engine(scene: Scene, socket: Path) -> OpaEngine:
    return OpaEngine(OpaClient(socket, connections=4), scene.activations, bundle="main", deadline_ms=1000)


def answering(body: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        writer.close()

    return serve


def test_a_restarted_opa_counts_for_nothing_until_it_is_looked_at(short_dir: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.keeper.keep_looking(engine(scene, short_dir / "s"))  # nobody listens there yet
        scene.keeper.observe(status(R1))
        for state in ("backoff", "stopped"):
            scene.keeper.opa_changed(state)
            assert scene.activations.current is None
            assert scene.activations.problem == "OPA is not running"
        body = b'{"result":{"bundles":{"main":{"active_revision":"%b"}}}}' % R1.encode()
        server = await asyncio.start_unix_server(answering(body), short_dir / "s")
        scene.keeper.opa_changed("running")
        await until(lambda: scene.activations.current is not None)
        server.close()

    play(story)


def test_an_opa_that_runs_before_there_is_an_engine_is_no_error() -> None:
    async def story(scene: Scene) -> None:
        for state in ("starting", "running", "stopping"):
            scene.keeper.opa_changed(state)

    assert play(story).notes == []


def test_a_posted_status_that_goes_back_is_asked_for_again_before_it_counts(short_dir: Path) -> None:
    async def story(scene: Scene) -> None:
        body = b'{"result":{"bundles":{"main":{"active_revision":"%b"}}}}' % R2.encode()
        server = await asyncio.start_unix_server(answering(body), short_dir / "s")
        scene.keeper.keep_looking(engine(scene, short_dir / "s"))
        await until(lambda: scene.activations.current is not None)
        scene.keeper.observe(status(R1))
        await asyncio.sleep(0.05)
        assert not scene.activations.rolled_back
        server.close()

    assert [fields["event"] for _, fields in play(story).notes] == ["activated"]


def test_closing_while_the_status_is_being_read_leaves_nothing_behind(short_dir: Path) -> None:
    async def story(scene: Scene) -> None:
        asked = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.set()
            await reader.read()
            writer.close()

        server = await asyncio.start_unix_server(silent, short_dir / "s")
        scene.keeper.keep_looking(engine(scene, short_dir / "s"))
        await asked.wait()
        await scene.keeper.close()
        server.close()
        async with asyncio.timeout(STATUS_DEADLINE_S / 2):
            await until(lambda: len(asyncio.all_tasks()) == 1)  # `silent` ends once its peer has gone

    play(story)


def test_status_and_other_replicas_floors_are_read_again_and_again(
    short_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def story(scene: Scene) -> None:
        body = b'{"result":{"bundles":{"main":{"active_revision":"%b"}}}}' % R1.encode()
        server = await asyncio.start_unix_server(answering(body), short_dir / "s")
        scene.floors.fails = 2
        scene.keeper.keep_looking(engine(scene, short_dir / "s"))
        await until(lambda: scene.activations.current is not None and scene.floors.fails == 0)
        scene.floors.floor = 2  # another replica saw a newer bundle
        await until(lambda: scene.activations.rolled_back)
        server.close()

    play(story)
    assert "sequence floors unread" in caplog.text
    assert "secret-password" not in "".join(str(record.__dict__) for record in caplog.records)


def test_a_floor_that_another_process_of_this_instance_raised_for_a_new_bundle_is_no_rollback(
    short_dir: Path,
) -> None:
    async def story(scene: Scene) -> None:
        answers = [b'{"result":{"bundles":{"main":{"active_revision":"%b"}}}}' % R1.encode()]
        server = await asyncio.start_unix_server(
            lambda reader, writer: answering(answers[0])(reader, writer), short_dir / "s"
        )

        def while_it_switches() -> None:
            if scene.activations.current is not None:
                scene.floors.floor = 2
                answers[0] = answers[0].replace(R1.encode(), R2.encode())

        scene.floors.on_read = while_it_switches
        scene.keeper.keep_looking(engine(scene, short_dir / "s"))
        await until(lambda: scene.activations.floor == 2)
        server.close()

    assert [fields["event"] for _, fields in play(story).notes] == ["activated", "activated"]


def test_what_a_stopping_opa_complains_of_is_not_taken_in() -> None:
    async def story(scene: Scene) -> None:
        scene.keeper.observe(status(R1))
        scene.keeper.stop_observing()
        scene.keeper.observe(status(R1, code="bundle_error", message="context canceled"))

    assert len(play(story).notes) == 1
