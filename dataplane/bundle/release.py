"""Whether a bundle may be published to its channel: it is what the channel's file pins, and approved.

Everything is in the checkout: the channel's file, the approvals, the public keys. No server is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dataplane.bundle.approvals import check_approved
from dataplane.bundle.errors import ApprovalRefused
from dataplane.bundle.model import Bundle
from dataplane.bundle.pins import channel_path, channels, read_channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What the channel's file says of a bundle: the approvals that count, of how many it demands."""

    approvals: tuple[str, ...]
    needed: int


def check_release(bundles: Path, bundle: Bundle, *, unpinned: bool = False) -> Release | None:
    """None where the folder has no channel files at all: then nothing is pinned and nothing demanded.

    `unpinned` lets a bundle through that its channel does not pin, but never one without the approvals
    that the channel demands. Raises `ApprovalRefused`, and `CheckFailed` for a channel file that does
    not fit.
    """
    known = channels(bundles)
    if not known:
        return None
    if bundle.channel not in known:
        if unpinned:
            return None
        raise ApprovalRefused(
            f"{bundles} has no channel {bundle.channel} (there are: {', '.join(known)}): write "
            f"{channel_path(bundles, bundle.channel)}, or publish without a pin: --unpinned"
        )
    channel = read_channel(bundles, bundle.channel)
    if unpinned:
        if channel.approvals:
            raise ApprovalRefused(
                f"{channel.name} demands {channel.approvals} approvals, and only what is pinned can be "
                f"approved: leave --unpinned out"
            )
        return None
    try:
        names = check_approved(bundles, channel, bundle)
    except ApprovalRefused as error:
        if channel.approvals:
            raise
        raise ApprovalRefused(f"{error}; or publish it without a pin: --unpinned") from None
    return Release(approvals=tuple(names), needed=channel.approvals)
