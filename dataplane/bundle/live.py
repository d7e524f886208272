"""A policy directory that is published whenever it changes: what `regogate dev` runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from watchfiles import awatch

from dataplane.bundle.build import Overlay, build_source, restamp
from dataplane.bundle.commit import commit_of
from dataplane.bundle.errors import BundleError, ToolFailed
from dataplane.bundle.kept_builds import KeptBuilds
from dataplane.bundle.keys import SigningKey
from dataplane.bundle.model import Bundle
from dataplane.bundle.sign import sign
from dataplane.bundle.source import read_source
from dataplane.bundle.store import ChannelStore

DEBOUNCE_MS: Final = 120
"""Editors save in several steps; this joins them and still leaves a change active within a second."""
STEP_MS: Final = 40


class LivePolicy:
    """Checks, builds, signs and publishes one directory, each time under the next sequence."""

    def __init__(
        self,
        policies: Path,
        *,
        opa: Path,
        capabilities: Path,
        key: SigningKey,
        store: ChannelStore,
        channel: str,
        overlay: Overlay | None = None,
        kept: KeptBuilds | None = None,
    ) -> None:
        """With `kept`, a directory that was built before as it is now is neither checked nor built again."""
        self._policies = policies
        self._opa = opa
        self._capabilities = capabilities
        self._key = key
        self._store = store
        self._channel = channel
        self._overlay = overlay
        self._kept = kept
        self._turn = asyncio.Lock()

    async def publish(self, floor: int) -> Bundle:
        """The bundle of the directory as it is now, published with a sequence above `floor`.

        What is published already and has the same content stays. A file that is saved while the first bundle
        is built makes for two at once: they take turns. Raises `BundleError`.
        """
        async with self._turn:
            return await self._publish(floor)

    async def _publish(self, floor: int) -> Bundle:
        published = await self._store.current(self._channel)
        latest = published.bundle if published is not None else None
        seq = max(floor, latest.seq if latest is not None else 0) + 1
        try:
            bundle = await self._built(seq)
        except OSError as error:  # such as a full disk, which must not end the watching
            raise ToolFailed(f"the policies cannot be staged for checking: {error.strerror}") from error
        if latest is not None and latest.digest == bundle.digest and latest.seq >= floor:
            return latest
        return await self._store.publish(sign(bundle, self._key).content, self._channel)

    async def _built(self, seq: int) -> Bundle:
        source = await asyncio.to_thread(read_source, self._policies)
        name = kept = None
        if self._kept is not None:
            name = await asyncio.to_thread(self._kept.name, source, self._opa, self._capabilities)
            kept = await asyncio.to_thread(self._kept.read, name)
        commit = await commit_of(self._policies)
        if kept is not None:
            return restamp(kept, seq=seq, channel=self._channel, commit=commit)
        bundle = await build_source(
            source,
            self._opa,
            self._capabilities,
            seq=seq,
            channel=self._channel,
            commit=commit,
            overlay=self._overlay,
        )
        if self._kept is not None and name is not None:
            await asyncio.to_thread(self._kept.keep, name, bundle)
        return bundle

    async def watch(self, stop: asyncio.Event, told: Callable[[Bundle | BundleError], None]) -> None:
        """Publish after every change until `stop`; `told` gets the bundle, or what is wrong."""
        async for _ in awatch(self._policies, debounce=DEBOUNCE_MS, step=STEP_MS, stop_event=stop):
            try:
                told(await self.publish(0))
            except BundleError as error:
                told(error)
