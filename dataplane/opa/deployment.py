"""The settings of a deployment -> the OPAs it runs: the one that decides, and those of candidates.

A candidate has a process of its own, since one OPA cannot hold two bundles of one root. It is configured and
supervised like the active one; its bundle comes from our own admin address, and its status goes there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from dataplane.config import BundleSettings
from dataplane.errors import ConfigError
from dataplane.opa.options import (
    MAX_INPUT_BYTES,
    BundlePolling,
    BundleSigning,
    BundleSource,
    OpaOptions,
    RemoteService,
    ServiceKind,
    StatusSink,
)
from dataplane.opa.rundir import SOCKET_NAME
from dataplane.opa.supervise import OpaProcess, State
from dataplane.trial import Trial, TrialKind

MAX_LIST_BYTES: Final = 1 << 20
"""A shadow is asked about many inputs at once, of `MAX_INPUT_BYTES` each at most."""

_POLLING: Final = BundlePolling(min_delay_s=30, max_delay_s=60)
"""The bundle of a trial never changes. Failures are retried sooner, whatever this says."""


def candidate_socket(active: Path, trial: Trial) -> Path:
    """Where the OPA of a trial listens, below the directory of the active one's socket: a path that every
    process of a gateway knows. The name is the random end of the trial's id (a UUID version 7), for the
    length of socket paths is bounded (`rundir.MAX_SOCKET_PATH_BYTES`)."""
    return active.parent / trial.id.replace("-", "")[-12:] / SOCKET_NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Opas:
    """What all OPAs of a gateway have in common. `keys` map key ids to public PEM, `token` is what our admin
    address asks for; below `persistence` they keep bundles. Without a `binary` none is run here."""

    binary: Path | None
    keys: Mapping[str, str] = field(repr=False)
    token: str = field(repr=False)
    instance: str
    persistence: Path

    def active(
        self, settings: BundleSettings, admin_url: str, on_state: Callable[[State], None]
    ) -> OpaProcess:
        """The one that decides, not started yet; see `opa_options`. Raises `ConfigError` without a binary."""
        if self.binary is None:
            raise ConfigError("policy.opa: no OPA; run 'regogate opa install'")
        options = opa_options(
            settings,
            keys=self.keys,
            admin_url=admin_url,
            token=self.token,
            instance=self.instance,
            persistence=self.persistence,
        )
        return OpaProcess(self.binary, options, on_state=on_state)

    def candidate(
        self,
        trial: Trial,
        admin_url: str,
        on_state: Callable[[State], None],
        *,
        beside: Path | None = None,
    ) -> OpaProcess:
        """The one of a trial, not started yet; see `candidate_options`. A shadow's uses one processor. It
        listens at `candidate_socket` beside the active one's socket, where that is given. Raises
        `ConfigError` without a binary."""
        if self.binary is None:
            raise ConfigError("policy.opa.socket: a gateway that runs no OPA of its own can try no candidate")
        shadow = trial.kind is TrialKind.SHADOW
        environ = {**os.environ, "GOMAXPROCS": "1"} if shadow else os.environ
        options = self.candidate_options(trial, admin_url)
        place = None if beside is None else candidate_socket(beside, trial).parent
        return OpaProcess(self.binary, options, socket_dir=place, on_state=on_state, environ=environ)

    def candidate_options(self, trial: Trial, admin_url: str) -> OpaOptions:
        """It fetches `candidates/<trial>/bundle` below `admin_url`, takes it where one of the keys signed it
        for the trial's channel, and posts its status beside it.

        A shadow's takes lists of inputs. A canary's keeps its bundle, so that what it decided can be
        replayed.
        """
        shadow = trial.kind is TrialKind.SHADOW
        service = RemoteService(url=f"{admin_url}/candidates/{trial.id}", token=self.token)
        signing = BundleSigning(scope=trial.signed_for)
        return OpaOptions(
            bundle=BundleSource(service=service, resource="bundle", signing=signing, polling=_POLLING),
            keys=self.keys,
            status=StatusSink(service=service, partition=self.instance),
            persistence=None if shadow else self.persistence / f"canary-{trial.revision}",
            max_input_bytes=MAX_LIST_BYTES if shadow else MAX_INPUT_BYTES,
        )


def opa_options(
    settings: BundleSettings,
    *,
    keys: Mapping[str, str],
    admin_url: str,
    token: str,
    instance: str,
    persistence: Path,
) -> OpaOptions:
    """OPA fetches from our own channel server unless the settings name another, and reports to us.

    `keys` maps key ids to public PEM, `token` is what our admin address asks for. Raises
    `UnsafeOpaConfig`, and `ConfigError` when the bundle server's token cannot be read.
    """
    own = RemoteService(url=admin_url, token=token)
    return OpaOptions(
        bundle=_source(settings, own),
        keys=keys,
        status=StatusSink(service=own, partition=instance),
        persistence=persistence,
    )


def _source(settings: BundleSettings, own: RemoteService) -> BundleSource:
    signing = BundleSigning(scope=settings.channel)
    if settings.url is None:
        return BundleSource(service=own, resource=f"bundles/{settings.channel}", signing=signing)
    parts = urlsplit(settings.url)
    bearer = settings.token.read() if settings.token is not None else None
    kind = ServiceKind(settings.kind)
    service = RemoteService(url=f"{parts.scheme}://{parts.netloc}", kind=kind, token=bearer)
    resource = parts.path.lstrip("/")
    if kind is ServiceKind.OCI:
        resource = f"{parts.netloc}/{resource}"
    return BundleSource(service=service, resource=resource, signing=signing)
