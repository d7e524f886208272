"""What `regogate shadow` and `regogate canary` share: the candidate, the wish in the database, the answers.

Commands talk to no gateway. They write what is to run, and every gateway of the channel looks there each
second; what the gateways say of it comes back the same way.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

from dataplane.audit import trials
from dataplane.audit.attempt import describe
from dataplane.audit.fleet import fleet
from dataplane.audit.migrate import database_errors
from dataplane.audit.notes import write_note
from dataplane.audit.trials import Candidate, StoredReport, StoredTrial, TrialRefused
from dataplane.bundle.errors import BundleError
from dataplane.bundle.published import bundle_path
from dataplane.bundle.verify import inspect, verify
from dataplane.cli.bundle.answers import columns, say, show
from dataplane.cli.bundle.targets import read, target_of
from dataplane.cli.state import DEFAULT_DATA_DIR, State, open_state
from dataplane.database import Database
from dataplane.errors import RegoGateError
from dataplane.trial import TrialKind, TrialState

T = TypeVar("T")

DEV_CHANNEL: Final = "dev"
WAIT_S: Final = 15.0
"""For the gateways' word: they look each second, and start an OPA in less."""
HEARD_OF_S: Final = 150.0
"""A gateway without a record for so long is not waited for: more than twice the default of `audit.beat_s`."""
_POLL_S: Final = 0.1
_MILLION: Final = 1_000_000

BundleOption = Annotated[
    Path | None, typer.Option("--bundle", metavar="FILE", help="The candidate: a signed bundle.")
]
ChannelOption = Annotated[
    str | None,
    typer.Option("--channel", metavar="NAME", help="The candidate: what this channel publishes here now."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An installation: its state, the channel that its gateways follow, and the keys that they trust.

    `own_server` says that they get their bundles from its data directory.
    """

    state: State = field(repr=False)
    channel: str
    keys: dict[str, str] = field(repr=False)
    own_server: bool
    dev: bool

    @property
    def bundles(self) -> Path:
        """Where its channels publish."""
        return self.state.data_dir / "bundles"


def place_of(config: Path | None, data_dir: Path | None) -> Place:
    """The installation that the options name. Raises `RegoGateError`."""
    state = open_state(config, data_dir)
    if config is None:
        target = target_of(None, data_dir or DEFAULT_DATA_DIR, None)
        assert target is not None
        return Place(state=state, channel=DEV_CHANNEL, keys=target.keys, own_server=True, dev=True)
    from dataplane.config import load

    target = target_of(None, None, config)
    assert target is not None
    assert target.channel is not None
    own = load(config).policy.bundle.url is None
    return Place(state=state, channel=target.channel, keys=target.keys, own_server=own, dev=False)


def candidate_of(place: Place, bundle: Path | None, channel: str | None) -> Candidate:
    """The bundle that the options name, verified by the installation's keys. Raises `BundleError`."""
    if (bundle is None) == (channel is None):
        raise typer.BadParameter("give exactly one of --bundle and --channel", param_hint="--bundle")
    if bundle is not None:
        content = read(bundle)
        found = verify(content, keys=place.keys, channel=inspect(content).channel)
    else:
        assert channel is not None
        path = bundle_path(place.bundles, channel)
        if not path.is_file():
            raise BundleError(
                f"the channel {channel} publishes nothing in {place.bundles}: publish a bundle there, or "
                "give one with --bundle"
            )
        found = verify(read(path), keys=place.keys, channel=channel)
    return Candidate(revision=found.revision, channel=found.channel, content=found.content)


def ppm(share: float) -> int:
    """A share of 0 to 1 in millionths. Raises `typer.BadParameter`."""
    found = round(share * _MILLION) if 0 < share <= 1 else 0  # not a number is neither
    if not found:
        raise typer.BadParameter("a share is above 0 and at most 1, such as 0.05", param_hint="--share")
    return found


def with_database(place: Place, work: Callable[[Database], Awaitable[T]]) -> T:
    """Run `work`. Raises `RegoGateError` where the database does not answer."""

    async def run() -> T:
        database = Database(place.state.database_url)
        try:
            return await work(database)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except database_errors() as error:
        raise RegoGateError(f"database: {describe(error)}") from None


def start(place: Place, kind: TrialKind, candidate: Candidate, share_ppm: int) -> dict[str, Any]:
    """Have a candidate run, wait for the gateways' word, and tell it.

    Raises `TrialRefused` where another one runs, and where every gateway refuses: then it is ended again.
    """

    async def work(database: Database) -> dict[str, Any]:
        alive = await _alive(database, place)
        found, new = await trials.start(
            database, kind, channel=place.channel, candidate=candidate, share_ppm=share_ppm
        )
        event = f"{kind}_started" if new else f"{kind}_share"
        await note(database, place, event, found, share=share_ppm / _MILLION)
        said = await wait_for(database, found, alive, (TrialState.RUNNING, TrialState.REFUSED))
        refused = [one for one in said if one.report.state is TrialState.REFUSED]
        if new and refused and len(refused) == len(said):
            await trials.end(database, found.trial.id, "refused")
            reasons = "; ".join(f"{one.instance}: {one.report.why}" for one in refused)
            raise TrialRefused(f"no gateway takes the candidate, so nothing was started: {reasons}")
        found = await trials.newest(database, kind, place.channel) or found
        return told(found, said)

    return with_database(place, work)


def end(place: Place, kind: TrialKind, how: str) -> dict[str, Any] | None:
    """End what runs and wait until no gateway runs it; None where nothing did."""

    async def work(database: Database) -> dict[str, Any] | None:
        found = await trials.newest(database, kind, place.channel, running=True)
        if found is None:
            return None
        return await ended(database, place, found, how)

    return with_database(place, work)


async def ended(database: Database, place: Place, found: StoredTrial, how: str) -> dict[str, Any]:
    """End a trial and tell its last state."""
    before = await trials.reports(database, found.trial.id)
    alive = await _alive(database, place) & {one.instance for one in before}
    await trials.end(database, found.trial.id, how)
    await note(database, place, f"{found.trial.kind}_{how}", found)
    said = await wait_for(database, found, alive, (TrialState.ENDED,))
    return told(await trials.newest(database, found.trial.kind, place.channel) or found, said)


def status(place: Place, kind: TrialKind) -> dict[str, Any]:
    """What runs, or ran last."""

    async def work(database: Database) -> dict[str, Any]:
        found = await trials.newest(database, kind, place.channel)
        if found is None:
            return {"kind": kind.value, "channel": place.channel, "running": False, "trial": None}
        return told(found, await trials.reports(database, found.trial.id))

    return with_database(place, work)


async def note(database: Database, place: Place, event: str, found: StoredTrial, **more: float | str) -> None:
    """Record what a command did: who decides is as worth a record as who calls."""
    fields: dict[str, object] = {
        "event": event,
        "channel": place.channel,
        "policy_revision": found.trial.revision,
        "trial": found.trial.id,
        **{name: str(value) for name, value in more.items()},
    }
    await write_note(database, "bundle", fields, installation_key=place.state.installation_key)


async def wait_for(
    database: Database, found: StoredTrial, instances: Collection[str], states: Collection[TrialState]
) -> list[StoredReport]:
    """The gateways' reports, once these instances are in one of these states, or after `WAIT_S`."""
    until = time.monotonic() + WAIT_S
    told_waiting = False
    while True:
        said = await trials.reports(database, found.trial.id)
        there = {one.instance for one in said if one.report.state in states}
        missing = sorted(set(instances) - there)
        if not missing:
            return said
        if time.monotonic() >= until:
            say(f"note: no word of {', '.join(missing)} in {WAIT_S:.0f} s; see 'status'")
            return said
        if not told_waiting and time.monotonic() > until - WAIT_S + 1.5:
            told_waiting = True
            say(f"Waiting for {', '.join(missing)}")
        await asyncio.sleep(_POLL_S)


async def _alive(database: Database, place: Place) -> set[str]:
    """The gateways of the channel that were heard of lately."""
    since_us = (time.time() - HEARD_OF_S) * _MILLION
    return {
        one.instance
        for one in await fleet(database)
        if one.channel == place.channel and not one.stopped and (one.seen_us or 0) > since_us
    }


def told(found: StoredTrial, said: Collection[StoredReport]) -> dict[str, Any]:
    """A trial and its gateways as JSON; `counts` are those of all gateways."""
    counts: Counter[str] = Counter()
    for one in said:
        counts.update(one.report.counts)
    trial = found.trial
    return {
        "kind": trial.kind.value,
        "channel": trial.channel,
        "running": found.ended_us is None,
        "trial": trial.id,
        "candidate": trial.revision,
        "signed_for": trial.signed_for,
        "share": trial.share_ppm / _MILLION,
        "started": time_text(found.started_us),
        "ended": None if found.ended_us is None else time_text(found.ended_us),
        "ended_as": found.ended_as,
        "counts": dict(sorted(counts.items())),
        "gateways": [
            {
                "instance": one.instance,
                "state": one.report.state.value,
                "why": one.report.why,
                "updated": time_text(one.updated_us),
            }
            for one in said
        ],
    }


def print_told(about: dict[str, Any], *, as_json: bool) -> None:
    """A trial for a person or a program."""
    if as_json:
        show(about, as_json=True)
        return
    if about["trial"] is None:
        typer.echo(f"No {about['kind']} has run beside {about['channel']}.")
        return
    plain = {name: value for name, value in about.items() if name not in ("counts", "gateways")}
    plain = {name: value for name, value in plain.items() if value is not None}
    plain["counts"] = (
        ", ".join(f"{name} {count:,}" for name, count in about["counts"].items()) or "nothing yet"
    )
    show(plain, as_json=False)
    rows = [[str(one[name] or "-") for name in _GATEWAY] for one in about["gateways"]]
    if rows:
        typer.echo()
        columns(_GATEWAY, rows)


_GATEWAY: Final = ("instance", "state", "updated", "why")


def time_text(us: int) -> str:
    """RFC 3339 in UTC, to the second."""
    return f"{datetime.fromtimestamp(us / _MILLION, UTC):%Y-%m-%dT%H:%M:%SZ}"
