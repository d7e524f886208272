"""The only wiring: settings in, one running gateway out.

Order of starting: records before anything can be decided, the admin address before OPA (which fetches
its bundle there), OPA before calls. Calls are refused, with a reason, until all of it is ready. Stopping
goes the other way round.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from dataplane.app_admin import AdminDesk
from dataplane.app_advisors import Advisors
from dataplane.app_audit import audit_of
from dataplane.app_front import front_of
from dataplane.app_limits import limiter_of, start_limits
from dataplane.app_listen import Ready, admin_listen, public_listen
from dataplane.app_policy import detector_ahead, engine_of, findings_key
from dataplane.app_upstreams import upstreams_of
from dataplane.audit.floors import Floors
from dataplane.audit.migrate import migrate
from dataplane.audit.refused_keys import RefusedKeyUses
from dataplane.audit.trials import TrialTable
from dataplane.bundle.channel import ChannelServer
from dataplane.bundle.keys import load_public_key
from dataplane.bundle.store import ChannelStore
from dataplane.bundle.verify import verify
from dataplane.config import Settings
from dataplane.database import Database, database_url
from dataplane.domain import CallState
from dataplane.edge.admin import admin_app
from dataplane.edge.front import Front
from dataplane.identity.callers import Callers
from dataplane.installation import installation_key, make_private
from dataplane.opa.deployment import Opas
from dataplane.opa.options import BUNDLE_NAME
from dataplane.opa.supervise import OpaProcess
from dataplane.policy.beside import CandidateProcess, Means
from dataplane.policy.client import OpaClient
from dataplane.policy.engine import OpaEngine
from dataplane.policy.keeper import ActivationKeeper
from dataplane.policy.read_tables import PolicyTables
from dataplane.policy.trial_metrics import TrialMetrics
from dataplane.policy.trials import Trials
from dataplane.ports import SequenceFloors
from dataplane.server.background import listening
from dataplane.telemetry import Metrics
from dataplane.trial import Trial
from dataplane.usage.meter import UsageMeter


class Gateway:
    """One process of the data plane. `done` is called with every call that ended (the access log).

    Where a gateway has several, `app_workers` says what each of them does otherwise.
    """

    def __init__(
        self, settings: Settings, *, opa_binary: Path | None, done: Callable[[CallState], None]
    ) -> None:
        self.settings = settings
        self.data_dir = make_private(settings.data_dir)
        self.installation_key = installation_key(self.data_dir, settings.audit.hash_key)
        self.database = Database(database_url(settings.audit))
        self._done = done
        self._token = settings.policy.sidecar_token() or secrets.token_urlsafe(32)
        self._base_url = self._admin_url = ""
        self.metrics = Metrics(ready=lambda: not self.problems())
        self.channel = settings.policy.bundle.channel
        self._keys = dict(
            load_public_key(path, keyid=name) for name, path in settings.policy.bundle.keys.items()
        )
        self.store = ChannelStore(self.data_dir / "bundles", self._keys)
        self.audit = audit_of(settings, self.database, self.installation_key, self._about())
        self._usage = UsageMeter(self.database, self.audit.writer_id, self.metrics.registry)
        name, kept = settings.instance, self.data_dir / "opa"
        floors, store = self._floors(), TrialTable(self.database, instance=self._reporter())
        self._keeper = ActivationKeeper(
            bundle=BUNDLE_NAME, channel=self.channel, floors=floors, note=self._note
        )
        self._opas = Opas(
            binary=opa_binary, keys=self._keys, token=self._token, instance=name, persistence=kept
        )
        self._advisors = Advisors(settings.inspection, self.metrics.registry)
        self._means = Means(
            bundle=BUNDLE_NAME,
            check=lambda content, channel: verify(content, keys=self._keys, channel=channel).revision,
            process=self._candidate,
            floor=lambda: self._keeper.activations.floor,
            floors=floors,
            note=self._note,
            usage=self._usage,
            detectors=self._advisors.detectors(findings_key(self.installation_key)),
        )
        self._trials = Trials(settings.policy, store=store, log=self.audit, means=self._means)
        TrialMetrics(self.metrics.registry, self._trials.counts)
        self.tables, self._refused = PolicyTables(self._keeper.activations), RefusedKeyUses(self.audit)
        self._callers = Callers(
            settings.identity,
            self.database,
            self.installation_key,
            named=self.tables.networks,
            refused=self._refused,
            registry=self.metrics.registry,
        )
        self._upstream = upstreams_of(settings)
        self._limiter = limiter_of(settings, self.database, self.metrics.registry)
        self._opa: OpaProcess | None = None
        self._engine: OpaEngine | None = None
        self._stop, self._failed = asyncio.Event(), list[BaseException]()

    # --- what a gateway of several processes does otherwise ---------------------------------------

    def _about(self) -> dict[str, str]:
        return {}

    def _reporter(self) -> str:
        return self.settings.instance

    def _floors(self) -> SequenceFloors:
        return Floors(self.database, instance=self.settings.instance)

    def _note(self, kind: str, fields: Mapping[str, object]) -> None:
        self.audit.put_note(kind, fields)

    def _candidate(self, trial: Trial, told: Callable[[str], None]) -> CandidateProcess:
        beside = None if self._opa is None else self._opa.socket_path
        return self._opas.candidate(trial, self._admin_url, told, beside=beside)

    def _metrics_text(self) -> bytes:
        return self.metrics.text()

    async def _serve_admin(self, stack: AsyncExitStack) -> None:
        admin = listening(self._admin_app(), admin_listen(self.settings.admin), failed=self._fail)
        self._admin_url = await stack.enter_async_context(admin)

    async def _serve_public(self, stack: AsyncExitStack) -> None:
        listen = public_listen(self.settings.server, self.metrics.registry)
        self._base_url = await stack.enter_async_context(listening(self._front(), listen, failed=self._fail))

    # --- of every process -------------------------------------------------------------------------

    def problems(self) -> list[str]:
        """Why no call can be made now, one line each; empty when ready."""
        policy = ["policy: OPA is not started yet"] if self._engine is None else self._engine.problems()
        return [*policy, *self.audit.problems(), *self._callers.problems(), *self._limiter.problems()]

    def details(self) -> dict[str, Any]:
        """What the admin address tells beside readiness."""
        activations = self._keeper.activations
        return {
            "instance": self.settings.instance,
            "channel": self.channel,
            "policy_revision": activations.current.revision if activations.current else None,
            "bundle_refused": activations.last_refusal or self.store.refused(self.channel),
            "opa": None if self._opa is None else {"state": self._opa.state, "restarts": self._opa.restarts},
            "trials": self._trials.details(),
            **self._callers.details(),
        }

    def ready(self) -> Ready | None:
        """The addresses and revision once calls can be made, else None."""
        current = self._keeper.activations.current
        if self.problems() or current is None or not self._base_url:
            return None
        return Ready(base_url=f"{self._base_url}/v1", admin_url=self._admin_url, revision=current.revision)

    async def run(self, stop: asyncio.Event, prepare: Callable[[int], Awaitable[None]] | None = None) -> None:
        """Serve until `stop` is set. Raises what makes serving impossible, such as an address in use.

        `prepare` runs once the database is there and before OPA starts; it gets the sequence floor.
        """
        self._stop = stop
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.database.close)
            await migrate(self.database)
            await self.audit.start()
            stack.push_async_callback(self.audit.close)
            stack.callback(self._refused.close)
            await stack.enter_async_context(self._usage)
            stack.push_async_callback(self._callers.close)
            await self._callers.start()
            await start_limits(stack, self.settings, self._limiter, self.database)
            await self._upstream.start()
            stack.push_async_callback(self._upstream.close)
            stack.push_async_callback(self._advisors.close)
            floor = await self._keeper.learn_floor()
            if prepare is not None:
                await prepare(floor)
            stack.push_async_callback(self._keeper.close)
            await self._serve_admin(stack)
            stack.callback(self.store.close)
            await detector_ahead(self.store, self.channel, self._means)
            policy, activations = self.settings.policy, self._keeper.activations
            client = OpaClient(await self._start_opa(stack), connections=policy.connections)
            stack.callback(client.close)
            self._engine = engine_of(client, activations, policy, self._means)
            self._keeper.keep_looking(self._engine)
            stack.push_async_callback(self.tables.close)
            self.tables.start(client)
            stack.push_async_callback(self._trials.close)
            await self._trials.start(self._engine)
            await self._serve_public(stack)
            await stop.wait()
        if self._failed:
            raise self._failed[0]

    def _fail(self, error: BaseException) -> None:
        """Serving is impossible from now on: stop, and have `run` raise it."""
        self._failed.append(error)
        self._stop.set()

    def _admin_app(self) -> Any:
        return admin_app(
            problems=self.problems,
            details=self.details,
            metrics=self._metrics_text,
            on_status=self._keeper.observe,
            status_token=self._token,
            candidates=self._trials,
            routes=[*ChannelServer(self.store, self._token).routes(), *AdminDesk(self).routes()],
        )

    def _front(self) -> Front:
        return front_of(
            self.settings.server,
            authenticator=self._callers,
            policy=self._trials,
            limiter=self._limiter,
            upstream=self._upstream,
            audit=self.audit,
            problems=self.problems,
            done=(self.metrics, self._usage, self._done),
        )

    async def _start_opa(self, stack: AsyncExitStack) -> Path:
        """Run OPA as a child, unless one runs beside us; returns its socket."""
        if self.settings.policy.opa.socket is not None:
            return self.settings.policy.opa.socket
        opa_changed = self._keeper.opa_changed
        self._opa = self._opas.active(self.settings.policy.bundle, self._admin_url, opa_changed)
        await self._opa.start()
        stack.push_async_callback(self._opa.stop)
        stack.callback(self._keeper.stop_observing)
        return self._opa.socket_path
