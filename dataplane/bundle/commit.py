"""Which git commit a policy directory stands at."""

from __future__ import annotations

import shutil
from pathlib import Path

from dataplane.bundle.command import run
from dataplane.bundle.model import NO_COMMIT, is_commit


async def commit_of(policies: Path) -> str:
    """The full name of HEAD, with `-dirty` where the directory differs from it.

    `NO_COMMIT` where there is no git, no repository, or the directory is not part of HEAD (a data
    directory that some repository ignores must not borrow that repository's commit).
    """
    git = shutil.which("git")
    if git is None:
        return NO_COMMIT
    # HEAD:./ is the tree of this directory in HEAD: it fails where HEAD does not have it
    known = await run(git, "rev-parse", "--verify", "--quiet", "HEAD:./", cwd=policies, inherit=True)
    head = await run(git, "rev-parse", "--verify", "--quiet", "HEAD", cwd=policies, inherit=True)
    commit = head.out.decode("ascii", "replace").strip()
    if known.code != 0 or head.code != 0 or not is_commit(commit):
        return NO_COMMIT
    status = ("--no-optional-locks", "status", "--porcelain", "--", ".")
    state = await run(git, *status, cwd=policies, inherit=True)
    return commit if state.code == 0 and not state.out.strip() else f"{commit}-dirty"
