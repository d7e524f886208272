"""The git repository that holds the channel files: read at any commit, and changed by one small commit.

Files are read as git stores them, with no filter and no line-end conversion, so a checkout's settings
cannot change what is built.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from dataplane.bundle.command import Finished, run
from dataplane.bundle.errors import PinRefused
from dataplane.bundle.source import MAX_FILE_BYTES, MAX_FILES

_ENTRY: Final = re.compile(rb"([0-7]{6}) (blob|commit|tree) ([0-9a-f]+) +([0-9]+|-)\t(.+)", re.DOTALL)
_FILE_MODES: Final = (b"100644", b"100755")
_IDENT: Final = re.compile(r"([^<>\r\n\t]{1,100}) <([^\s<>]{1,254})> [0-9]+ [-+][0-9]{4}\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A file as one commit left it; `text` is empty where the commit removed it."""

    commit: str
    time: str
    author: str
    subject: str
    text: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A git repository by its top folder. Every method raises `PinRefused` with what git says."""

    root: Path
    program: str

    async def resolve(self, name: str) -> str:
        """The full object name of a commit, branch or tag."""
        done = await self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if done.code != 0:
            shallow = " (its history is shallow: run 'git fetch --unshallow')" if await self.shallow() else ""
            raise PinRefused(f"{self.root} has no commit {name[:80]}{shallow}")
        return done.out.decode("ascii", "replace").strip()

    async def shallow(self) -> bool:
        """Whether older commits were not fetched, as CI systems often do."""
        return (await self._must("rev-parse", "--is-shallow-repository")).strip() == b"true"

    async def author(self) -> str:
        """Who commits here, `NAME <EMAIL>`."""
        done = await self._git("var", "GIT_AUTHOR_IDENT")
        found = _IDENT.fullmatch(done.out.decode("utf-8", "replace"))
        if done.code != 0 or found is None:
            raise PinRefused(
                "git does not know who you are: run 'git config user.name NAME' and "
                "'git config user.email EMAIL', or give --author 'NAME <EMAIL>'"
            )
        return f"{found[1]} <{found[2]}>"

    async def changed(self, path: Path) -> bool:
        """Whether a file differs from the last commit, or is in none."""
        status = ("--no-optional-locks", "status", "--porcelain", "--untracked-files=all", "--", path)
        return bool((await self._must(*status)).strip())

    async def stage(self, paths: Iterable[Path]) -> None:
        """Put files as they are into the index."""
        await self._must("add", "--", *paths)

    async def unstage(self, paths: Iterable[Path]) -> None:
        """Take files out of the index again, as far as that is possible."""
        await self._git("reset", "--quiet", "--", *paths)

    async def commit(self, paths: Iterable[Path], message: str, author: str) -> str:
        """Commit these files and nothing else that may be staged; its object name."""
        await self._must("commit", "--quiet", f"--author={author}", "--message", message, "--", *paths)
        return await self.resolve("HEAD")

    async def versions(self, path: Path) -> list[Version]:
        """Every version of a file, newest first."""
        log = ("log", "-z", "--format=%H%x00%cI%x00%an <%ae>%x00%s", "--", path)
        done = await self._git(*log)
        if done.code != 0 and await self._unborn():
            return []
        fields = self._checked("log", done).decode("utf-8", "replace").split("\0")
        rows = list(zip(*[iter(fields)] * 4, strict=False))
        name = _real(path).relative_to(_real(self.root)).as_posix()
        texts = await self._blobs([f"{commit}:{name}" for commit, *_ in rows])
        return [
            Version(commit=commit, time=time, author=author, subject=subject, text=text or b"")
            for (commit, time, author, subject), text in zip(rows, texts, strict=True)
        ]

    async def files(self, commit: str, folder: PurePosixPath) -> dict[PurePosixPath, bytes]:
        """The files below a folder at a commit, by their path from it. Links and submodules are refused."""
        done = await self._git("ls-tree", "-r", "-z", "-l", "--full-tree", f"{commit}:{folder}")
        if done.code != 0:
            raise PinRefused(f"the commit {commit[:12]} has no folder {folder}")
        found: dict[PurePosixPath, str] = {}
        for entry in filter(None, done.out.split(b"\0")):
            match = _ENTRY.fullmatch(entry)
            name = entry.rpartition(b"\t")[2].decode("utf-8", "replace")
            if match is None or match[1] not in _FILE_MODES or ".." in PurePosixPath(name).parts:
                raise PinRefused(f"{folder}/{name} at {commit[:12]} is no plain file")
            if int(match[4]) > MAX_FILE_BYTES or len(found) == MAX_FILES:
                raise PinRefused(f"{folder} at {commit[:12]} is beyond {MAX_FILES} files or a file's size")
            found[PurePosixPath(name)] = match[3].decode()
        texts = await self._blobs(list(found.values()))
        return {path: text or b"" for path, text in zip(found, texts, strict=True)}

    async def _blobs(self, names: list[str]) -> list[bytes | None]:
        """The contents of objects, in order; None for what does not exist."""
        if not names:
            return []
        asked = "".join(f"{name}\n" for name in names).encode()
        data = self._checked("cat-file", await self._git("cat-file", "--batch", stdin=asked))
        found: list[bytes | None] = []
        at = 0
        for _ in names:
            head, at = data[at : data.index(b"\n", at)], data.index(b"\n", at) + 1
            kind = head.rsplit(b" ", 2)
            if len(kind) == 3 and kind[1] == b"blob":
                size = int(kind[2])
                found.append(data[at : at + size])
                at += size + 1
            else:
                found.append(None)
        return found

    async def _unborn(self) -> bool:
        return (await self._git("rev-parse", "--verify", "--quiet", "HEAD")).code != 0

    async def _must(self, *words: str | Path) -> bytes:
        return self._checked(str(words[0]), await self._git(*words))

    def _checked(self, what: str, done: Finished) -> bytes:
        if done.code != 0:
            raise PinRefused(f"git {what} failed in {self.root}: {done.err.strip()[-2000:]}")
        return done.out

    async def _git(self, *words: str | Path, stdin: bytes | None = None) -> Finished:
        real = [_real(word) if isinstance(word, Path) else word for word in words]
        return await run(self.program, *real, cwd=self.root, inherit=True, stdin=stdin)


def _real(path: Path) -> Path:
    """git refuses a path that leads into the repository through a link from outside."""
    return Path(os.path.realpath(path))


async def repository(folder: Path) -> Repository:
    """The repository that a folder is part of. Raises `PinRefused` where there is none, or no git."""
    program = shutil.which("git")
    if program is None:
        raise PinRefused("there is no git on PATH, and channel files live in git")
    if not os.path.isdir(folder):  # noqa: ASYNC240  one look, before anything runs beside
        raise PinRefused(f"{folder} is not a folder; run this where bundles/ lies, or give --bundles DIR")
    done = await run(program, "rev-parse", "--show-toplevel", cwd=folder, inherit=True)
    if done.code != 0:
        raise PinRefused(
            f"{folder} is in no git repository; channels are promoted by commits: run 'git init'"
        )
    return Repository(root=Path(done.out.decode("utf-8", "surrogateescape").rstrip("\n")), program=program)
