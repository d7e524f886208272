"""Build a bundle that anyone can build again: same tree, same digest, on every machine and channel.

1. Check the snapshot: tables, packages, `opa check --strict` (`check`). A problem stops here.
2. Stage Rego without tests, one `data.json`, and a manifest, under the one root.
3. Have the policy work out what follows from the tables alone, and put it beside them (`prepare`).
4. `cd STAGE && opa build -b .` with the capabilities: only so run does OPA write no path of this machine
   into the tar.
5. Compute the content digest, and with it the revision and the manifest, which replaces the staged one.
   Its bytes are those that `opa build -r REVISION` would write (tested), without running OPA twice.
"""

from __future__ import annotations

import asyncio
import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Final

from dataplane.bundle.archive import DATA, MANIFEST, SIGNATURES, ArchiveRefused, Member, pack, unpack
from dataplane.bundle.check import Checked, check_source, write_files
from dataplane.bundle.command import run
from dataplane.bundle.commit import commit_of
from dataplane.bundle.digests import content_digest
from dataplane.bundle.errors import CheckFailed, ToolFailed
from dataplane.bundle.model import ROOT, Bundle, Manifest, of_manifest, open_archive, read_manifest
from dataplane.bundle.prepare import prepare
from dataplane.bundle.rego import is_test, staged
from dataplane.bundle.source import Source, read_source
from dataplane.bundle.strictyaml import JSON
from dataplane.bundle.tables import PREPARED, data_json

Overlay = Callable[[dict[str, JSON]], dict[str, JSON]]
_PLACEHOLDER: Final = "0" * 64


async def build(
    policies: Path,
    opa: Path,
    capabilities: Path,
    *,
    seq: int,
    channel: str,
    commit: str | None = None,
    overlay: Overlay | None = None,
) -> Bundle:
    """An unsigned bundle of the directory as it is now.

    `commit` is asked of git unless given. `overlay` changes the checked tables before they are staged
    (what `regogate dev` adds for its demo client). Raises `CheckFailed` with everything that is wrong,
    `ToolFailed`, or `ValueError` for a seq, commit or channel out of range.
    """
    source = await asyncio.to_thread(read_source, policies)
    commit = await commit_of(policies) if commit is None else commit
    return await build_source(
        source, opa, capabilities, seq=seq, channel=channel, commit=commit, overlay=overlay
    )


async def build_source(
    source: Source,
    opa: Path,
    capabilities: Path,
    *,
    seq: int,
    channel: str,
    commit: str,
    overlay: Overlay | None = None,
) -> Bundle:
    """The same of a snapshot."""
    draft = Manifest(seq=seq, commit=commit, digest=_PLACEHOLDER, channel=channel)
    checked = await check_source(source, opa, capabilities)
    if checked.problems:
        raise CheckFailed(checked.problems)
    if overlay is not None:
        checked = dataclasses.replace(checked, tables=overlay(checked.tables))
    members = await _opa_build(checked, draft, opa, capabilities)
    manifest = dataclasses.replace(draft, digest=content_digest(members))
    return of_manifest(manifest, _packed(members, manifest), None)


def restamp(bundle: Bundle, *, seq: int, channel: str, commit: str | None = None) -> Bundle:
    """The same content under another sequence, channel or commit, unsigned: how a bundle is promoted or
    rolled back. Raises `BundleRefused` where it is not one of ours."""
    members = open_archive(bundle.content)
    before = read_manifest(members)
    manifest = dataclasses.replace(before, seq=seq, channel=channel, commit=commit or before.commit)
    return of_manifest(manifest, _packed(tuple(members.values()), manifest), None)


def _packed(members: tuple[Member, ...], manifest: Manifest) -> bytes:
    content = [one for one in members if one.name not in (MANIFEST, SIGNATURES)]
    return pack([*content, manifest.member()])


async def _opa_build(checked: Checked, draft: Manifest, opa: Path, capabilities: Path) -> tuple[Member, ...]:
    with tempfile.TemporaryDirectory(prefix="regogate-build-") as place:
        stage, output = Path(place) / "stage", Path(place) / "bundle.tar.gz"
        await asyncio.to_thread(_stage, checked, draft, stage)
        prepared = await prepare(stage, opa, capabilities)
        if prepared is not None:
            data = data_json({**checked.tables, PREPARED: prepared}, ROOT)
            await asyncio.to_thread((stage / DATA).write_bytes, data)
        arguments = ("build", "-b", ".", "--capabilities", capabilities, "-o", output)
        done = await run(opa, *arguments, cwd=stage)
        if done.code != 0:
            raise ToolFailed(f"opa build failed: {done.err[-4000:].strip()}")
        try:
            return unpack(await asyncio.to_thread(output.read_bytes))
        except ArchiveRefused as error:
            raise ToolFailed(f"opa build wrote a bundle in an unknown form: {error}") from error


def _stage(checked: Checked, draft: Manifest, stage: Path) -> None:
    files = {staged(path): text for path, text in checked.source.rego.items() if not is_test(path)}
    files[PurePosixPath(DATA)] = data_json(checked.tables, ROOT)
    files[PurePosixPath(MANIFEST)] = draft.member().data
    write_files(stage, files)
