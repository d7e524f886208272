"""Settings -> what decides, and what looks into texts for it."""

from __future__ import annotations

import hashlib
import hmac
from functools import partial

from dataplane.config import PolicySettings
from dataplane.inspection.detector import make_detector
from dataplane.policy.activation import Activations
from dataplane.policy.beside import Means
from dataplane.policy.client import OpaClient
from dataplane.policy.current_tables import MakesDetector
from dataplane.policy.engine import OpaEngine


def detectors_of(key: bytes) -> MakesDetector:
    """What makes a detector of the tables of a bundle; `key` is the installation key, of which digests of
    findings get one of their own."""
    return partial(make_detector, key=hmac.new(key, b"findings", hashlib.sha256).digest())


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
