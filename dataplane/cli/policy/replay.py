"""`regogate policy replay`: what a changed policy would have answered to the calls that were made."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from dataplane.authoring.evaluator import EvaluationFailed, Evaluator
from dataplane.authoring.policy_set import PolicySet
from dataplane.authoring.replay import Outcome, content_of, replay
from dataplane.authoring.replay_reads import Asker, Remembering
from dataplane.bundle.build import Overlay
from dataplane.bundle.errors import ToolFailed
from dataplane.cli.policy.directory import EXIT_FAILED, OpaOption, opa_binary, say
from dataplane.cli.policy.replay_bundles import KeptBundles
from dataplane.cli.policy.replay_progress import Progress
from dataplane.cli.policy.replay_source import ExportedRows, RecordedRows
from dataplane.cli.policy.replay_text import Told, markdown, text
from dataplane.cli.policy.sets import policy_set
from dataplane.cli.recorded import wanted
from dataplane.cli.state import DEFAULT_DATA_DIR, ConfigOption, DataDirOption, open_state
from dataplane.config import load
from dataplane.errors import RegoGateError
from dataplane.opa.errors import ToolUnavailable
from dataplane.opa.temporary import TemporaryOpa

EXIT_REFUSED: Final = 1
EXIT_NOT_REPRODUCED: Final = 4
"""The recorded policies do not answer as they did: nothing that is said about the candidate could be
trusted."""

SHOWN: Final = 20
"""Rows shown unless `--rows` says otherwise."""


def command(
    bundle: Annotated[
        str, typer.Option("--bundle", metavar="FILE|DIR|REVISION", help="The candidate policy.")
    ],
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="AGE|TIME", help="Replay calls recorded since: 24h, 7d, 2026-11-20."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="AGE|TIME", help="And before; now when left out.")
    ] = None,
    input_file: Annotated[
        Path | None,
        typer.Option("--input-file", metavar="ROWS", help="Replay rows of 'regogate audit export' instead."),
    ] = None,
    client: Annotated[
        list[str] | None, typer.Option("--client", metavar="ID", help="Only this client; repeat for more.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", metavar="ID", help="Only this model; repeat for more.")
    ] = None,
    proof_bundle: Annotated[
        list[str] | None,
        typer.Option(
            "--proof-bundle",
            metavar="FILE|DIR",
            help="A policy that answered then, where no channel keeps it; repeat for more.",
        ),
    ] = None,
    no_proof: Annotated[
        bool,
        typer.Option(
            "--no-proof", help="Replay rows whose own policy is not at hand, too, and count them as unproven."
        ),
    ] = False,
    rows: Annotated[
        int, typer.Option("--rows", min=0, metavar="N", help="Rows, and ids behind each count, to show.")
    ] = SHOWN,
    max_new_blocks: Annotated[
        int | None,
        typer.Option("--max-new-blocks", min=0, metavar="N", help="Fail where more calls would be blocked."),
    ] = None,
    fail_on_looser: Annotated[
        bool, typer.Option("--fail-on-looser", help="Fail where any call would be judged less strictly.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown, for a pull request.")
    ] = False,
    opa: OpaOption = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Put recorded policy inputs to a candidate policy, and compare with what policy answered then.

    Changed are rows whose decision, reasons, constraints or limits differ. First every row is put to the
    policy that answered it: it must give the stored answer exactly, else nothing is said about the
    candidate. Nothing is published or written.

    \b
    Examples:
      regogate policy replay --bundle policies --since 7d
      regogate policy replay --bundle policies --since 24h --client support-team --config regogate.yaml
      regogate policy replay --bundle new.tar.gz --input-file rows.jsonl --proof-bundle old.tar.gz
      regogate policy replay --bundle policies --since 7d --max-new-blocks 0 --fail-on-looser --json

    \b
    Exit codes: 0 done, 1 refused, or a gate tripped, 2 wrong usage, 3 OPA failed, 4 a recorded policy
    did not answer as it did.
    """
    _check_usage(since, until, input_file, as_json=as_json, as_markdown=as_markdown)
    with _refusals(as_json), ExitStack() as stack:
        source: ExportedRows | RecordedRows
        if input_file is not None:
            source = ExportedRows(path=input_file, clients=tuple(client or ()), models=tuple(model or ()))
        else:
            asked = wanted(since, until, client, model)
            source = RecordedRows(url=open_state(config, data_dir).database_url, asked=asked)
        folder = _folder(config, data_dir)
        binary = opa_binary(opa)
        overlay = _overlay(folder) if config is None and input_file is None else None
        candidate = policy_set(bundle, opa=binary, config=config, data_dir=data_dir, overlay=overlay)
        given = [policy_set(one, opa=binary) for one in proof_bundle or ()]
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix="regogate-replay-"))
        find = KeptBundles(folder, {content_of(one.revision): one.bundle for one in given}, Path(place))

        @contextmanager
        def run(path: Path) -> Iterator[Asker]:
            with TemporaryOpa(binary, path) as running, Evaluator(running.url) as asker:
                yield Remembering(asker, running.url)

        with Progress() as progress:
            started = time.perf_counter()
            outcome = replay(
                progress.of(source.rows()),
                candidate=candidate.bundle,
                revision=candidate.revision,
                find=find,
                run=run,
                unproven=no_proof,
                keep=rows,
            )
            seconds = time.perf_counter() - started
        _refuse_unusable(outcome, folder, as_json=as_json)
        source.check(outcome)
        told = Told(
            candidate=candidate.revision,
            outcome=outcome,
            seconds=seconds,
            gates=_gates(outcome, max_new_blocks, fail_on_looser=fail_on_looser),
            titles={name: rule.title for name, rule in candidate.rules.items()},
        )
        _unused(given, outcome)
        if as_json:
            typer.echo(json.dumps(told.document()))
        else:
            typer.echo(markdown(told) if as_markdown else text(told), nl=False)
        if told.gates:
            raise typer.Exit(EXIT_REFUSED)


def _check_usage(
    since: str | None, until: str | None, input_file: Path | None, *, as_json: bool, as_markdown: bool
) -> None:
    if (since is None) == (input_file is None):
        raise typer.BadParameter("give --since or --input-file, one of them", param_hint="--since")
    if until is not None and since is None:
        raise typer.BadParameter("it goes with --since; export fewer rows instead", param_hint="--until")
    if as_json and as_markdown:
        raise typer.BadParameter("give --json or --markdown, not both", param_hint="--markdown")


def _folder(config: Path | None, data_dir: Path | None) -> Path | None:
    """The data directory whose channels keep the bundles; None where there is none."""
    folder = load(config).data_dir if config is not None else (data_dir or DEFAULT_DATA_DIR)
    return folder if folder.is_dir() else None


def _overlay(folder: Path | None) -> Overlay | None:
    """What `regogate dev` adds to a policy directory, for the records of its own data directory."""
    if folder is None or not (folder / "demo.key").exists():
        return None
    from dataplane.cli.dev_demo import demo_overlay  # brings the whole gateway, which takes a second

    return demo_overlay(allow_all_models=False)


@contextmanager
def _refusals(as_json: bool) -> Iterator[None]:
    try:
        yield
    except (ToolUnavailable, ToolFailed, EvaluationFailed) as error:
        _refuse(str(error), EXIT_FAILED, as_json=as_json)
    except RegoGateError as error:
        _refuse(str(error), EXIT_REFUSED, as_json=as_json)


def _refuse(message: str, code: int, *, as_json: bool, **more: Any) -> None:
    if as_json:
        typer.echo(json.dumps({"ok": False, "error": message, **more}))
    else:
        say(f"error: {message}")
    raise typer.Exit(code)


def _refuse_unusable(outcome: Outcome, folder: Path | None, *, as_json: bool) -> None:
    """Stop where the rows or the proof do not hold: bad rows first, since they are not even known."""
    proof = outcome.proof
    if outcome.bad:
        lines = [str(one) for one in outcome.first_bad]
        more = f"\n... and {outcome.bad - len(lines)} more" if outcome.bad > len(lines) else ""
        problem = f"{outcome.bad} row{'s' * (outcome.bad > 1)} cannot be replayed, so none was:\n"
        _refuse(problem + "\n".join(lines) + more, EXIT_REFUSED, as_json=as_json, bad=outcome.bad)
    if proof.failed:
        names = "\n".join(
            f"  {row.where}: request {row.request_id}, answered by {row.policy_revision}"
            for row in proof.failures
        )
        more = f"\n  ... and {proof.failed - len(proof.failures)} more" * (proof.failed > len(proof.failures))
        problem = (
            f"{proof.failed} stored answer{'s' * (proof.failed > 1)} cannot be reproduced by the policy that "
            f"gave them, so nothing is said about the candidate:\n{names}{more}\n"
            "Either the record was changed (see 'regogate audit show'), or another OPA answers otherwise "
            "(compare opa_version there with --opa)"
        )
        _refuse(problem, EXIT_NOT_REPRODUCED, as_json=as_json, proof=proof.document())
    if proof.missing and not outcome.compared:
        revisions = "\n".join(f"  {name}: {count} rows" for name, count in sorted(proof.missing.items()))
        where = f"the channels in {folder / 'bundles'}" if folder else "no data directory was given"
        problem = (
            f"{proof.missing.total()} rows were answered by policies that are not at hand ({where}), so the "
            f"replay cannot prove itself:\n{revisions}\nGive their bundles with --proof-bundle FILE, or "
            "--no-proof to replay these rows unproven"
        )
        _refuse(problem, EXIT_REFUSED, as_json=as_json, proof=proof.document())


def _gates(outcome: Outcome, max_new_blocks: int | None, *, fail_on_looser: bool) -> list[str]:
    count = outcome.findings.all
    tripped = []
    if max_new_blocks is not None and count.new_blocks > max_new_blocks:
        tripped.append(f"{count.new_blocks} new blocks, --max-new-blocks allows {max_new_blocks}")
    if fail_on_looser and count.looser:
        tripped.append(f"{count.looser} calls would be judged less strictly (--fail-on-looser)")
    return tripped


def _unused(given: Sequence[PolicySet], outcome: Outcome) -> None:
    used = {content_of(revision) for revision in outcome.proof.proven}
    for one in given:
        if content_of(one.revision) not in used:
            say(f"note: no row was answered by {one.revision}, which --proof-bundle gave")
