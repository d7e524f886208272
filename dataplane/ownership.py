"""Whether nobody else can have put something there: asked of whatever is run, or trusted like a program."""

from __future__ import annotations

import os
import stat


def is_ours(status: os.stat_result) -> bool:
    """Whether a file or directory belongs to this process' user or root, and no other may write it."""
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
