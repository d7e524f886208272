"""`regogate canary`: a candidate policy that decides every call of a share of the clients."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from dataplane.audit import trials as stored
from dataplane.audit.fleet import fleet
from dataplane.audit.trials import StoredTrial, TrialRefused
from dataplane.bundle.build import restamp
from dataplane.bundle.keys import SigningKey, ensure_dev_keys, load_signing_key
from dataplane.bundle.model import Bundle
from dataplane.bundle.pins import channels
from dataplane.bundle.sign import sign
from dataplane.bundle.store import publish, read
from dataplane.bundle.verify import verify
from dataplane.cli import trials
from dataplane.cli.bundle.answers import CODES, refusals, say
from dataplane.cli.bundle.options import (
    BUNDLES,
    BundlesOption,
    ConfigOption,
    JsonOption,
    KeyidOption,
    KeyOption,
)
from dataplane.cli.state import DataDirOption
from dataplane.cli.trials import BundleOption, ChannelOption, Place
from dataplane.database import Database
from dataplane.trial import TrialKind

SHARE = 0.05
ACTIVE_S: Final = 30.0
"""For every gateway to activate what was published."""
_POLL_S: Final = 0.1

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Let a candidate policy decide for a share of the clients, then promote or withdraw it.",
)


@app.command(
    epilog=f"""\b
Examples:
  regogate canary start --bundle candidate.tar.gz
  regogate canary start --channel canary --share 0.05 --config regogate.yaml
  regogate canary start --channel canary --share 0.25 --config regogate.yaml
\b
{CODES}
"""
)
def start(
    bundle: BundleOption = None,
    channel: ChannelOption = None,
    share: Annotated[
        float, typer.Option("--share", metavar="SHARE", help="Of the clients, above 0 and at most 1.")
    ] = SHARE,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a candidate decide for a share of the clients, chosen by a hash of client id and revision.

    The candidate must be signed by a key that the gateways trust, for their channel or one of
    policy.canary_channels. Its clients are decided by it or refused (503), never by the active policy,
    until it is withdrawn or promoted. Given again for the same candidate, only the share changes: a larger
    one keeps the clients it had.
    """
    with refusals(as_json):
        millionths = trials.ppm(share)
        place = trials.place_of(config, data_dir)
        candidate = trials.candidate_of(place, bundle, channel)
        about = trials.start(place, TrialKind.CANARY, candidate, millionths)
        trials.print_told(about, as_json=as_json)


@app.command(
    epilog=f"""\b
Examples:
  regogate canary status
  regogate canary status --config regogate.yaml --json
\b
Counts, of all gateways: calls decided by the candidate, and refused because it gave no valid answer.
\b
{CODES}
"""
)
def status(config: ConfigOption = None, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Tell which canary runs or ran last, and how each gateway is with it."""
    with refusals(as_json):
        place = trials.place_of(config, data_dir)
        trials.print_told(trials.status(place, TrialKind.CANARY), as_json=as_json)


@app.command(
    epilog=f"""\b
Examples:
  regogate canary promote
  regogate canary promote --config regogate.yaml --key keys/prod.key.pem --keyid prod-2026
\b
{CODES}
"""
)
def promote(
    key: KeyOption = None,
    keyid: KeyidOption = None,
    bundles: BundlesOption = BUNDLES,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish the candidate's content as the channel's next sequence, and end the canary once it is active.

    Its clients stay with the candidate until every gateway has the new bundle. Where the channel is
    promoted by git (bundles/channels has its file) or its bundles come from elsewhere, nothing is
    published: what to run instead is told, with exit code 1.
    """
    with refusals(as_json):
        place = trials.place_of(config, data_dir)

        async def work(database: Database) -> dict[str, Any]:
            found = await stored.newest(database, TrialKind.CANARY, place.channel, running=True)
            if found is None:
                raise TrialRefused(f"no canary runs beside {place.channel}")
            if not (place.dev or (place.own_server and place.channel not in channels(bundles))):
                raise TrialRefused(_by_git(place, found))
            bundle = await _publish(database, place, found, _signing_key(place, key, keyid))
            say(f"Published {bundle.revision}")
            await _active(database, place, found, bundle)
            about = await trials.ended(database, place, found, "promoted")
            return about | {"published": bundle.revision}

        about = trials.with_database(place, work)
        if place.dev:
            say("note: 'regogate dev' publishes its policy directory again at its start and at each change")
        trials.print_told(about, as_json=as_json)


@app.command(
    epilog=f"""\b
Examples:
  regogate canary withdraw
  regogate canary withdraw --config regogate.yaml --json
\b
{CODES}
"""
)
def withdraw(
    config: ConfigOption = None, data_dir: DataDirOption = None, as_json: JsonOption = False
) -> None:
    """End the canary: from the next look of each gateway on, a second at most, the active policy decides."""
    with refusals(as_json):
        place = trials.place_of(config, data_dir)
        about = trials.end(place, TrialKind.CANARY, "withdrawn")
        trials.print_told(about or trials.status(place, TrialKind.CANARY), as_json=as_json)


def _signing_key(place: Place, key: Path | None, keyid: str | None) -> SigningKey:
    if key is not None:
        return load_signing_key(key, keyid=keyid)
    if place.dev:
        return load_signing_key(ensure_dev_keys(place.state.data_dir).private, keyid="dev")
    raise TrialRefused(f"a bundle for {place.channel} must be signed: give the private key with --key FILE")


def _by_git(place: Place, found: StoredTrial) -> str:
    source, target = found.trial.signed_for, place.channel
    if source == target:
        steps = f"merge the channel file that pins {found.trial.revision}"
    else:
        steps = f"run 'regogate bundle promote {source} {target}' and merge it"
    return (
        f"{target} is promoted by git, not here: {steps}, let CI publish it, then run "
        "'regogate canary withdraw' once 'regogate bundle status' shows it active; the canary goes on"
    )


async def _publish(database: Database, place: Place, found: StoredTrial, key: SigningKey) -> Bundle:
    """The candidate's content as the channel's next sequence; what is published already with it stays."""
    content = await stored.content(database, found.trial.id)
    if content is None:
        raise TrialRefused("the canary ended in this moment")
    candidate = verify(content, keys=place.keys, channel=found.trial.signed_for)
    now = await asyncio.to_thread(read, place.bundles, place.channel, place.keys)
    if now is not None and now.digest == candidate.digest:
        return now
    active = [one.seq for one in await fleet(database) if one.channel == place.channel]
    seq = max([0 if now is None else now.seq, *active]) + 1
    bundle = sign(restamp(candidate, seq=seq, channel=place.channel), key)
    return await asyncio.to_thread(publish, place.bundles, bundle.content, place.channel, place.keys)


async def _active(database: Database, place: Place, found: StoredTrial, bundle: Bundle) -> None:
    """Return once the gateways that run the canary have the bundle active. Raises `TrialRefused`."""
    loop = asyncio.get_running_loop()
    until = loop.time() + ACTIVE_S
    running = {one.instance for one in await stored.reports(database, found.trial.id)}
    while True:
        rows = [one for one in await fleet(database) if one.channel == place.channel and not one.stopped]
        late = sorted(one.instance for one in rows if one.instance in running and one.seq < bundle.seq)
        if not late:
            return
        if loop.time() >= until:
            raise TrialRefused(
                f"{bundle.revision} is published, but not active yet on {', '.join(late)}: the canary goes "
                "on; see 'regogate bundle status', then run this again"
            )
        await asyncio.sleep(_POLL_S)
