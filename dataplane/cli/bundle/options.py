"""The options that commands of `regogate bundle` share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from dataplane.bundle.model import MAX_SEQ

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A bundle.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
KeyOption = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help="The private key to sign with (PEM, 0600).")
]
KeyidOption = Annotated[
    str | None, typer.Option("--keyid", metavar="ID", help="Its id; derived from the key when left out.")
]
PublicKeysOption = Annotated[
    list[str] | None,
    typer.Option(
        "--public-key",
        metavar="[ID=]FILE",
        help="A public key that may have signed it; repeat for more. Without ID: for any id.",
    ),
]
ToOption = Annotated[
    Path | None, typer.Option("--to", metavar="DIR", help="The directory of a channel server.")
]
DataDirOption = Annotated[
    Path | None, typer.Option("--data-dir", metavar="DIR", help="The data directory of 'regogate dev'.")
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="A deployment's regogate.yaml.")
]
BUNDLES: Final = Path("bundles")
"""Where a policy repository keeps its channel files."""


def _bundles(given: Path) -> Path:
    """The folder of channel files: as given, else the nearest from here up to the top of the repository.

    Looking upwards matters: from a folder within, pins and approvals would count for nothing.
    """
    if given != BUNDLES:
        if not (given / "channels").is_dir():
            raise typer.BadParameter(f"{given} has no folder channels/", param_hint="--bundles")
        return given
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / BUNDLES / "channels").is_dir():
            return BUNDLES if folder == here else Path(os.path.relpath(folder / BUNDLES))
        if (folder / ".git").exists():
            break
    return BUNDLES


BundlesOption = Annotated[
    Path,
    typer.Option(
        "--bundles",
        metavar="DIR",
        help="The folder with channels/ and approvals/, here or above in the repository.",
        callback=_bundles,
    ),
]
AuthorOption = Annotated[
    str | None,
    typer.Option("--author", metavar="'NAME <EMAIL>'", help="Who does it; else who git says you are."),
]
NoCommitOption = Annotated[
    bool, typer.Option("--no-commit", help="Leave the file staged; commit it yourself.")
]
SeqOption = Annotated[
    int | None,
    typer.Option("--seq", min=1, max=MAX_SEQ, help="The sequence; else the next one of the channel."),
]
OpaOption = Annotated[
    Path | None, typer.Option("--opa", metavar="PATH", help="The OPA to build with; found or built else.")
]
