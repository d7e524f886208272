"""TLS contexts that are replaced when their files change, and whom they no longer let in.

1. The files are looked at every `LOOK_S` seconds, off the loop; a changed set is loaded whole or not at all.
2. A set that cannot be used is logged and counted, and what was in force stays in force.
3. A new set counts for every handshake from then on.
4. Where the authorities or lists of revoked certificates changed, connections that a client certificate
   opened under the earlier ones take no further request: what is being answered is finished, then they are
   closed, and the client's next connection is verified anew. Other connections live on.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from dataplane.server.tls_files import Contents, Loaded, TlsError, TlsFiles, load

__all__ = ["LOOK_S", "Tls", "TlsError", "TlsFiles"]

logger = logging.getLogger("regogate.server")

LOOK_S: Final = 2.0
"""Between two looks at the files: a certificate is revoked within this and a handshake."""


class Tls:
    """The current contexts of a set of files. Loads them when made; raises TlsError.

    `counts` says how many sets were `loaded` and how many were `unusable`, `not_after` until when (Unix
    seconds) `cert`, `client_ca` and `client_crl` hold that are in force.
    """

    def __init__(self, files: TlsFiles, *, look_s: float = LOOK_S) -> None:
        self.files = files
        self._look_s = look_s
        self.counts: Counter[str] = Counter()
        self._in_force = Contents.of(files)
        self._trusted_since = 0.0
        self._put(load(files, self._in_force))
        self._told: list[Callable[[], None]] = []

    def _put(self, loaded: Loaded) -> None:
        self._current = loaded.contexts
        self.not_after = loaded.not_after
        self.counts["loaded"] += 1

    def context(self, *, h2: bool) -> ssl.SSLContext:
        """A context to listen with. Each handshake through it uses the files as last loaded."""
        listening = load(self.files, self._in_force).contexts[h2]

        def swap(tls: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _old: ssl.SSLContext) -> None:
            # OpenSSL calls this without SNI too. Replacing, not changing: a CA once added never leaves.
            tls.context = self._current[h2]

        listening.sni_callback = swap
        return listening

    def on_trust_changed(self, told: Callable[[], None]) -> None:
        """`told` is called whenever connections may have become `outdated`."""
        self._told.append(told)

    def reload(self) -> None:
        """Read the files again, for the handshakes to come, whether they changed or not. Blocks.

        All or nothing: raises TlsError and keeps serving with what it had where a file cannot be used.
        """
        contents = Contents.of(self.files)
        self._take(load(self.files, contents), contents)

    async def keep_current(self) -> None:
        """Load the files again whenever they changed, until cancelled."""
        unusable = None
        while True:
            await asyncio.sleep(self._look_s)
            contents = await asyncio.to_thread(Contents.of, self.files)
            if contents == self._in_force:
                unusable = None
                continue
            found: Loaded | Exception
            try:
                found = await asyncio.to_thread(load, self.files, contents)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with them, looking must go on
                found = error
            if contents != await asyncio.to_thread(Contents.of, self.files):
                continue  # changed while they were read: what was loaded may be of both
            if isinstance(found, Loaded):
                self._take(found, contents)
                logger.info("TLS files changed and were loaded")
            elif contents != unusable:  # tried again at each look, told once
                unusable = contents
                self.counts["unusable"] += 1
                why = str(found) if isinstance(found, TlsError) else type(found).__name__
                logger.error("TLS files changed and cannot be used, the earlier ones stay: %s", why)

    def _take(self, loaded: Loaded, contents: Contents) -> None:
        self._put(loaded)
        before, self._in_force = self._in_force, contents
        if contents.trust != before.trust:
            self._trusted_since = time.time()
            for told in self._told:
                told()

    def outdated(self, tls: ssl.SSLObject) -> bool:
        """Whether a connection was let in by a certificate, under other authorities or lists than now.

        TLS 1.2 sessions resume from the listening context's cache, which nothing here can empty; dropping
        the connection unanswered takes this one out of it, so that the client's next try is a full handshake.
        """
        if self.files.client_auth == "none" or tls.getpeercert(binary_form=True) is None:
            return False
        if getattr(tls.context, "trust", None) != self._in_force.trust:
            return True
        session = tls.session
        return bool(tls.session_reused and session is not None and session.time <= self._trusted_since)
