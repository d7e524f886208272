"""Publishing to a place that other programs serve: what every such place promises, and in which order.

1. Verify the bundle for its channel.
2. Read what lies there now, verify it, and compare: the sequence must go up.
3. Put the new one in its place, on condition that nobody else did meanwhile where the place can tell.

A reader sees the old bundle or the new one whole, at every moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from dataplane.bundle.errors import BundleRefused, PublishRefused
from dataplane.bundle.keys import PublicKeys
from dataplane.bundle.model import Bundle
from dataplane.bundle.verify import verify

if TYPE_CHECKING:
    import httpx2

TIMEOUT_S: Final = 60.0
"""For one request; a bundle of the largest size takes a minute at 5 Mbit/s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What lies at a place: its bytes, and the place's own mark of this version."""

    content: bytes = field(repr=False)
    mark: str


class Remote(Protocol):
    """A place for one channel's bundle. Both methods raise `PublishRefused` with what the server says."""

    @property
    def name(self) -> str:
        """How a person would call it, without credentials."""

    def held(self) -> Held | None:
        """What lies there now, at most `MAX_BUNDLE_BYTES` and one byte; None where nothing does."""

    def put(self, bundle: Bundle, before: Held | None) -> None:
        """Replace `before`, atomically for readers; also keep the bundle by its revision."""


def publish_to(remote: Remote, content: bytes, channel: str, keys: PublicKeys) -> Bundle:
    """Publish a signed bundle there. Raises `BundleRefused` or `PublishRefused`: what was there stays."""
    bundle = verify(content, keys=keys, channel=channel)
    before = remote.held()
    if before is not None:
        try:
            last = verify(before.content, keys=keys, channel=channel)
        except BundleRefused as error:
            raise PublishRefused(
                f"what lies at {remote.name} does not verify ({error}); list the key it was signed with "
                "beside the new one, or remove it first"
            ) from error
        must_be_above(bundle, last)
    remote.put(bundle, before)
    return bundle


def must_be_above(bundle: Bundle, last: Bundle) -> None:
    """Raises `PublishRefused` unless the sequence goes up."""
    if bundle.seq <= last.seq:
        raise PublishRefused(
            f"sequence {bundle.seq} is not above {last.seq}, which is published; "
            "to roll back, publish the old content under a new sequence"
        )


@contextmanager
def http_client(name: str) -> Iterator[httpx2.Client]:
    """A client whose failures to reach the server are `PublishRefused`."""
    import httpx2  # here: a gateway publishes into its own directory alone

    try:
        headers = {"accept-encoding": "identity", "user-agent": "regogate"}
        with httpx2.Client(timeout=TIMEOUT_S, follow_redirects=False, headers=headers) as client:
            yield client
    except httpx2.HTTPError as error:
        raise PublishRefused(f"{name} cannot be reached: {type(error).__name__}; try again") from error


def body_of(response: httpx2.Response, limit: int) -> bytes:
    """At most `limit` bytes of a streamed answer."""
    data = bytearray()
    for piece in response.iter_bytes():
        data += piece
        if len(data) >= limit:
            break
    return bytes(data[:limit])
