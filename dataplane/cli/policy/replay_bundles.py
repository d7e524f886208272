"""Where `policy replay` finds the policies that answered then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from dataplane.authoring.replay import content_of
from dataplane.bundle.archive import MAX_BUNDLE_BYTES
from dataplane.bundle.errors import BundleError
from dataplane.bundle.published import find
from dataplane.bundle.verify import inspect

_SUFFIX = ".tar.gz"


class KeptBundles:
    """Bundles by revision: those `given` (by content, see `content_of`), then what the channels of the
    installation in `folder` publish and published, then OPA's own copy there.

    Copies go into `workplace`: a channel may let a bundle go while it is replayed.
    """

    def __init__(self, folder: Path | None, given: Mapping[str, Path], workplace: Path) -> None:
        self._folder = folder
        self._given = dict(given)
        self._workplace = workplace

    def __call__(self, revision: str) -> Path | None:
        """The bundle of this revision or of one with the same content; None where there is none."""
        given = self._given.get(content_of(revision))
        if given is not None or self._folder is None:
            return given
        content = find(self._folder / "bundles", revision) or self._alike(revision)
        if content is None:
            return None
        path = self._workplace / f"{content_of(revision)}{_SUFFIX}"
        path.write_bytes(content)
        return path

    def _alike(self, revision: str) -> bytes | None:
        for path in self._files(content_of(revision)):
            try:
                with path.open("rb") as file:
                    content = file.read(MAX_BUNDLE_BYTES + 1)
                if content_of(inspect(content).revision) == content_of(revision):
                    return content
            except (OSError, BundleError):
                continue  # what is damaged cannot prove anything
        return None

    def _files(self, content: str) -> Iterator[Path]:
        """Kept bundles are named by their revision; only what is current or OPA's must be opened to know."""
        assert self._folder is not None
        bundles = self._folder / "bundles"
        yield from sorted(bundles.glob(f"*/*/*-{content}{_SUFFIX}"))
        yield from sorted(bundles.glob(f"*/bundle{_SUFFIX}"))
        yield from sorted((self._folder / "opa").rglob(f"*{_SUFFIX}"))
