"""`regogate shadow`: a candidate policy beside the active one, asked about real calls and deciding none."""

from __future__ import annotations

from typing import Annotated

import typer

from dataplane.audit.trials import TrialRefused
from dataplane.cli import trials
from dataplane.cli.bundle.answers import CODES, refusals
from dataplane.cli.bundle.options import ConfigOption, JsonOption
from dataplane.cli.state import DataDirOption
from dataplane.cli.trials import BundleOption, ChannelOption
from dataplane.trial import TrialKind

SHARE = 0.1
SHOWN = 20

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="See what a candidate policy would decide on real calls, while the active one decides them.",
)


@app.command(
    epilog=f"""\b
Examples:
  regogate shadow start --bundle candidate.tar.gz
  regogate shadow start --channel staging --share 0.5 --config regogate.yaml
\b
{CODES}
"""
)
def start(
    bundle: BundleOption = None,
    channel: ChannelOption = None,
    share: Annotated[
        float, typer.Option("--share", metavar="SHARE", help="Of the calls, above 0 and at most 1.")
    ] = SHARE,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have every gateway run a candidate in an OPA of its own and put a share of its calls to it.

    The candidate must be signed by a key that the gateways trust, for whatever channel. No call waits for
    it. Given again for the same candidate, only the share changes. Ends with 'regogate shadow stop'.
    """
    with refusals(as_json):
        millionths = trials.ppm(share)
        place = trials.place_of(config, data_dir)
        candidate = trials.candidate_of(place, bundle, channel)
        about = trials.start(place, TrialKind.SHADOW, candidate, millionths)
        trials.print_told(about, as_json=as_json)


@app.command(
    epilog=f"""\b
Examples:
  regogate shadow status
  regogate shadow status --config regogate.yaml --json
\b
Counts, of all gateways: evaluated (of them: same, stored, not_stored), dropped because the queue was full,
failed because the candidate's OPA gave no answer; 'ALLOW>BLOCK': allowed, the candidate would block.
\b
{CODES}
"""
)
def status(config: ConfigOption = None, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Tell what runs in the shadow or ran there last, and how each gateway is with it."""
    with refusals(as_json):
        place = trials.place_of(config, data_dir)
        trials.print_told(trials.status(place, TrialKind.SHADOW), as_json=as_json)


@app.command(
    epilog=f"""\b
Examples:
  regogate shadow report
  regogate shadow report --rows 100 --json --config regogate.yaml
\b
{CODES}
"""
)
def report(
    rows: Annotated[
        int, typer.Option("--rows", min=0, metavar="N", help="Rows, and ids behind each count, to show.")
    ] = SHOWN,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sum up what the candidate would have decided otherwise, new blocks first.

    Counted by decision, rule, client and model, and compared as in 'regogate policy replay'. It tells of the
    shadow that runs, or ran last.
    """
    from dataplane.cli.shadow_report import shadow_report

    with refusals(as_json):
        place = trials.place_of(config, data_dir)
        found = shadow_report(place, keep=rows)
        if found is None:
            raise TrialRefused(
                f"no shadow has run beside {place.channel}: 'regogate shadow start' begins one"
            )
        typer.echo(found.json() if as_json else found.text(), nl=as_json)


@app.command(
    epilog=f"""\b
Examples:
  regogate shadow stop
  regogate shadow stop --config regogate.yaml --json
\b
{CODES}
"""
)
def stop(config: ConfigOption = None, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """End the shadow on every gateway. What was found stays, for 'regogate shadow report'."""
    with refusals(as_json):
        place = trials.place_of(config, data_dir)
        about = trials.end(place, TrialKind.SHADOW, "stopped")
        trials.print_told(about or trials.status(place, TrialKind.SHADOW), as_json=as_json)
