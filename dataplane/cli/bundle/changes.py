"""What pinning, promoting and rolling back share: a change of one channel's file, committed and told."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import typer

from dataplane.bundle.git import Repository, repository
from dataplane.bundle.promotion import Change, apply
from dataplane.cli.bundle.answers import show

_AUTHOR: Final = re.compile(r"[^<>\r\n\t]{1,100} <[^\s<>]{1,254}>")

Plan = Callable[[Repository, str], Awaitable[Change]]
"""Given the repository and the author, what is to change."""


async def carry_out(bundles: Path, plan: Plan, *, author: str | None, commit: bool) -> dict[str, Any]:
    """Plan a change and make it, in the repository of a folder; what there is to tell.

    Raises `PinRefused` and whatever the plan raises; then nothing was changed.
    """
    found = await repository(bundles)
    change = await plan(found, checked_author(author) or await found.author())
    name = await apply(found, change, commit=commit) if change.needed else None
    pin = change.pin
    state = "committed" if name else "staged" if change.needed else "unchanged"
    return {
        "channel": pin.channel,
        "revision": pin.revision,
        "before": None if change.before is None else change.before.revision,
        "seq": pin.seq,
        "digest": pin.digest,
        "source_commit": pin.commit,
        "author": pin.author,
        "approvals_needed": change.channel.approvals,
        "file": str(change.channel.path),
        "state": state,
        "commit": name,
    }


def told(found: dict[str, Any], as_json: bool) -> None:
    """Show a change; for a person with the next step."""
    show(found, as_json)
    if as_json:
        return
    if found["state"] == "unchanged":
        typer.echo(f"\n{found['channel']} pins this content already: nothing to do.")
    elif found["approvals_needed"]:
        needed = f"{found['approvals_needed']} approval{'s' * (found['approvals_needed'] > 1)}"
        typer.echo(f"\nIt needs {needed}: regogate bundle approve {found['channel']} --key FILE")


def checked_author(author: str | None) -> str | None:
    """The option `--author`, once it has the form that a channel's file takes."""
    if author is not None and _AUTHOR.fullmatch(author) is None:
        raise typer.BadParameter("write it as 'NAME <EMAIL>'", param_hint="--author")
    return author
