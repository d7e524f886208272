"""`regogate bundle`: policy bundles, from a directory of Rego and tables to what a channel publishes.

One file a command, imported when it is used; `options`, `answers`, `targets`, `changes` and `places` are what
they share, `admin` asks a running gateway.
"""

from __future__ import annotations

from typing import ClassVar

import typer

from dataplane.cli.lazy_commands import LazyCommands


class BundleCommands(LazyCommands):
    """The commands of `regogate bundle`."""

    package = __name__
    about: ClassVar = {
        "keygen": "Make a P-256 key pair. The private file has mode 0600; nothing is ever overwritten.",
        "build": "Check a policy directory and build its bundle; signed at once with --key.",
        "sign": "Sign a bundle for the channel it was built for; an older signature is replaced.",
        "verify": "Whether a gateway of this channel with these keys would take the bundle; if not, why not.",
        "inspect": "What a bundle says of itself, its files and tables. Proves nothing about who made it: "
        "see verify.",
        "pin": "Pin a channel to the policies as a commit holds them, after checking and building them.",
        "promote": "Let a channel pin what another pins, under its own next sequence.",
        "rollback": "Let a channel pin what it pinned before, under a new, higher sequence.",
        "approve": "Approve what a channel pins: sign channel, sequence and digest with a key that its file "
        "lists.",
        "history": "Every revision that a channel pinned, newest first, from the commits of its file.",
        "status": "What each channel pins, what is published, and what each gateway has active.",
        "rebuild": "Build what a channel pins again, from source at the pinned commit; it must be the pinned "
        "digest.",
        "publish": "Hand a signed bundle to a channel server, a storage or a registry, from where every OPA "
        "takes it.",
    }


app = typer.Typer(
    cls=BundleCommands,
    help="Build, sign, verify, promote and publish policy bundles.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def group() -> None:
    """Build, sign, verify, promote and publish policy bundles."""
