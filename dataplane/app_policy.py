"""Settings -> what decides, and what looks into texts for it."""

from __future__ import annotations

import hashlib
import hmac

from dataplane.config import PolicySettings
from dataplane.policy.activation import Activations
from dataplane.policy.beside import Means
from dataplane.policy.client import OpaClient
from dataplane.policy.engine import OpaEngine


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
