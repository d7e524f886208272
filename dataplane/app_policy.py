"""Settings -> what decides, and what looks into texts for it."""

from __future__ import annotations

import hashlib
import hmac

from dataplane.bundle.archive import DATA
from dataplane.bundle.digests import strict_json
from dataplane.bundle.model import ROOT, open_archive
from dataplane.bundle.store import ChannelStore
from dataplane.config import PolicySettings
from dataplane.policy.activation import Activations
from dataplane.policy.beside import Means
from dataplane.policy.client import OpaClient
from dataplane.policy.engine import OpaEngine
from dataplane.policy.made_ahead import MadeAhead


def findings_key(key: bytes) -> bytes:
    """Of the installation key: what digests of findings are made with."""
    return hmac.new(key, b"findings", hashlib.sha256).digest()


def engine_of(
    client: OpaClient, activations: Activations, settings: PolicySettings, means: Means
) -> OpaEngine:
    """The engine of the active policy, by the means that candidates beside it have, too."""
    return OpaEngine(
        client,
        activations,
        bundle=means.bundle,
        deadline_ms=settings.deadline_ms,
        usage=means.usage,
        detectors=means.detectors,
    )


async def detector_ahead(store: ChannelStore, channel: str, means: Means) -> None:
    """Have the detector of the bundle that is published here made while OPA starts and fetches it."""
    published = await store.current(channel)
    if published is not None and isinstance(means.detectors, MadeAhead):
        data = strict_json(open_archive(published.bundle.content)[DATA].data)
        table = data[ROOT].get("detectors")
        if isinstance(table, dict):
            means.detectors.begin(published.bundle.revision, table)
