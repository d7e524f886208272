"""`regogate audit export`: recorded questions to policy as rows, for `policy replay` on another machine."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import orjson
import typer

from dataplane.cli.recorded import recorded_pages, wanted
from dataplane.cli.state import ConfigOption, DataDirOption, open_state
from dataplane.errors import RegoGateError


def export(
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="AGE|TIME", help="Recorded since: 24h, 7d, 2026-11-20. Else all."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="AGE|TIME", help="And before; now when left out.")
    ] = None,
    client: Annotated[
        list[str] | None, typer.Option("--client", metavar="ID", help="Only this client; repeat for more.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", metavar="ID", help="Only this model; repeat for more.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write here (mode 0600), whole or not at all."),
    ] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Print what policy was asked and what it answered, one JSON object a line, oldest first.

    These are the rows that 'regogate policy replay --input-file' takes. They hold personal values (subject,
    source address), no prompts.

    \b
    Examples:
      regogate audit export --since 7d -o rows.jsonl --config regogate.yaml
      regogate audit export --since 2026-11-01 --until 2026-11-08 --client support-team -o rows.jsonl
    """
    asked = wanted(since, until, client, model)
    try:
        state = open_state(config, data_dir)
        count = 0
        with _to(output) as file:
            for page in recorded_pages(state.database_url, asked):
                file.write(b"".join(orjson.dumps(row) + b"\n" for row in page.rows))
                count += len(page.rows)
            file.flush()
        if output is not None:
            typer.echo(f"{count} rows written to {output}", err=True)
    except BrokenPipeError:
        # The interpreter would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    except RegoGateError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None


@contextmanager
def _to(output: Path | None) -> Iterator[IO[bytes]]:
    """Standard output, or a file that appears once it is whole."""
    if output is None:
        yield sys.stdout.buffer
        return
    beside = output.with_name(f".{output.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(output)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise RegoGateError(f"{output} cannot be written: {error.strerror}") from None
    finally:
        beside.unlink(missing_ok=True)
