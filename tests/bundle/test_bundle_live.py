"""A watched policy directory on a real OPA: what is saved is published, what is broken is told."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from small_policy import run, write_policies

from dataplane.bundle.build import Overlay
from dataplane.bundle.errors import BundleError, CheckFailed, PublishRefused, ToolFailed
from dataplane.bundle.keys import KeyPair, load_signing_key
from dataplane.bundle.live import LivePolicy
from dataplane.bundle.model import Bundle
from dataplane.bundle.store import ChannelStore

LIMIT_S = 20.0
CLIENTS = "data/clients.yaml"
GOOD = "support:\n  tier: default\n  enabled: false\n"
News = Bundle | BundleError


class Scene:
    """A directory of policies, its channel, and what its watcher told."""

    def __init__(self, policies: Path, home: Path, opa: Path, capabilities: Path, pair: KeyPair) -> None:
        self.policies = policies
        self.news: list[News] = []
        self.directory = home / "bundles"
        self._opa, self._capabilities, self._pair = opa, capabilities, pair

    def store(self) -> ChannelStore:
        return ChannelStore(self.directory, {self._pair.keyid: self._pair.public.read_text()})

    def live(self, *, overlay: Overlay | None = None, opa: Path | None = None) -> LivePolicy:
        return LivePolicy(
            self.policies,
            opa=opa or self._opa,
            capabilities=self._capabilities,
            key=load_signing_key(self._pair.private, keyid=self._pair.keyid),
            store=self.store(),
            channel="dev",
            overlay=overlay,
        )

    def save(self, name: str, content: str | bytes) -> None:
        path = self.policies / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    async def served(self) -> Bundle | None:
        published = await self.store().current("dev")
        return None if published is None else published.bundle

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """The directory is watched while the block runs; the watcher must end when told to."""
        stop = asyncio.Event()
        live = self.live()
        await live.publish(0)
        watching = asyncio.create_task(live.watch(stop, self.news.append))
        try:
            async with asyncio.timeout(LIMIT_S):
                while not self.news:  # nothing says that the watcher has begun but what it tells
                    self.save("data/README.md", "notes")
                    await asyncio.sleep(0.05)
                yield
        finally:
            stop.set()
            await asyncio.wait_for(watching, LIMIT_S)

    async def until(self, told: Callable[[News], bool]) -> News:
        while not self.news or not told(self.news[-1]):
            await asyncio.sleep(0.01)
        return self.news[-1]


@pytest.fixture
def scene(policies: Path, tmp_path: Path, opa: Path, capabilities: Path, pair: KeyPair) -> Scene:
    return Scene(policies, tmp_path, opa, capabilities, pair)


def test_the_first_publish_is_above_the_floor_and_signed_for_the_channel(scene: Scene) -> None:
    async def story() -> None:
        bundle = await scene.live().publish(0)
        assert (bundle.seq, bundle.channel, bundle.keyid) == (1, "dev", "k2026")
        served = await scene.served()
        assert served is not None
        assert served.revision == bundle.revision

    run(story())


def test_unchanged_content_is_not_published_again_over_restarts(scene: Scene) -> None:
    async def story() -> None:
        first = await scene.live().publish(0)
        assert (await scene.live().publish(0)).revision == first.revision
        assert (await scene.live().publish(first.seq)).revision == first.revision

    run(story())


def test_two_publishes_at_once_take_turns(scene: Scene) -> None:
    """A file that is saved while `dev` starts must not end it."""

    async def story() -> None:
        live = scene.live()
        first, second = await asyncio.gather(live.publish(0), live.publish(0))
        assert first.revision == second.revision

    run(story())


def test_a_floor_above_what_is_published_is_passed(scene: Scene) -> None:
    async def story() -> None:
        first = await scene.live().publish(0)
        again = await scene.live().publish(41)
        assert (again.seq, again.digest) == (42, first.digest)
        assert (await scene.live().publish(0)).seq == 42

    run(story())


def test_a_change_back_to_old_content_gets_a_new_sequence(scene: Scene) -> None:
    async def story() -> None:
        live = scene.live()
        first = await live.publish(0)
        before = (scene.policies / CLIENTS).read_text()
        scene.save(CLIENTS, GOOD)
        second = await live.publish(0)
        scene.save(CLIENTS, before)
        third = await live.publish(0)
        assert (first.seq, second.seq, third.seq) == (1, 2, 3)
        assert third.digest == first.digest != second.digest

    run(story())


def test_the_overlay_is_part_of_the_content(scene: Scene) -> None:
    async def story() -> None:
        first = await scene.live().publish(0)
        added = await scene.live(overlay=lambda tables: {**tables, "more": {"a": 1}}).publish(0)
        assert added.seq == first.seq + 1

    run(story())


def test_a_broken_directory_is_not_published_and_what_was_stays(scene: Scene) -> None:
    async def story() -> None:
        live = scene.live()
        first = await live.publish(0)
        scene.save(CLIENTS, "support:\n  tire: default\n")
        with pytest.raises(CheckFailed) as caught:
            await live.publish(0)
        assert caught.value.problems[0].file.endswith(CLIENTS)
        assert caught.value.problems[0].line > 0
        served = await scene.served()
        assert served is not None
        assert served.revision == first.revision

    run(story())


def test_without_its_opa_nothing_is_published(scene: Scene, tmp_path: Path) -> None:
    async def story() -> None:
        with pytest.raises(ToolFailed, match="does not start"):
            await scene.live(opa=tmp_path / "no-opa").publish(0)

    run(story())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rego/regogate/request/decision.rego", b"\xff\xfe not rego"),
        (
            "rego/regogate/request/decision.rego",
            "package regogate.request\nimport rego.v0\n" + "x := " * 50,
        ),
        ("schemas/input.json", b"\x00"),
        ("schemas/input.json", "[" * 100_000),
        (CLIENTS, b"\xff"),
        (CLIENTS, "- " * 20_000),
        (CLIENTS, "a: &a [*a]\n"),
        ("rego/regogate/request/decision.rego", b""),
    ],
    ids=["no text", "no rego", "nul schema", "deep schema", "no text table", "deep table", "alias", "empty"],
)
def test_whatever_was_saved_is_told_as_what_is_wrong(scene: Scene, name: str, content: str | bytes) -> None:
    scene.save(name, content)
    with pytest.raises(BundleError):
        run(scene.live().publish(0))


def test_a_disk_that_does_not_take_the_build_is_told(scene: Scene, short_dir: Path) -> None:
    scene.policies = write_policies(short_dir / "p")
    rego = scene.policies / "rego"
    # A path that fits here and, below the longer name of a temporary folder, nowhere.
    room = 4090 - len(str(rego)) - len("/x.rego")
    names = [*("d" * 199 for _ in range(room // 200)), "d" * (room % 200)]
    folder = rego.joinpath(*(name for name in names if name))
    folder.mkdir(parents=True)
    (folder / "x.rego").write_text("package regogate.site.x\n")
    with pytest.raises(ToolFailed, match="cannot be staged"):
        run(scene.live().publish(0))


def test_a_watcher_tells_every_change_and_survives_what_is_broken(scene: Scene) -> None:
    """Unchanged, broken, good, gone, and there again."""

    async def story() -> None:
        async with scene.watched():
            served = await scene.served()
            assert served is not None
            assert {str(getattr(news, "revision", news)) for news in scene.news} == {served.revision}
            assert served.seq == 1

            scene.save(CLIENTS, "support: [\n")
            broken = await scene.until(lambda news: isinstance(news, CheckFailed))
            assert f"{CLIENTS}:2" in str(broken)

            scene.save(CLIENTS, GOOD)
            await scene.until(lambda news: isinstance(news, Bundle) and news.seq == 2)

            shutil.rmtree(scene.policies / "rego")
            await scene.until(lambda news: isinstance(news, BundleError))

            write_policies(scene.policies)
            await scene.until(lambda news: isinstance(news, Bundle) and news.seq > 2)

    run(story())


def test_two_publishers_of_one_channel_never_share_a_sequence(scene: Scene) -> None:
    async def story() -> None:
        one, other = scene.live(), scene.live(overlay=lambda tables: {**tables, "more": {}})
        results = await asyncio.gather(one.publish(0), other.publish(0), return_exceptions=True)
        published = [result for result in results if isinstance(result, Bundle)]
        refused = [result for result in results if isinstance(result, PublishRefused)]
        assert len({bundle.seq for bundle in published}) == len(published)
        assert len(published) + len(refused) == 2
        assert published

    run(story())
