"""Several kinds of credential, asked in order."""

from __future__ import annotations

from collections.abc import Sequence

from dataplane.domain import Head, Identity, Source
from dataplane.errors import Refused
from dataplane.ports import Authenticator


class FirstOf:
    """The first authenticator that claims the credential decides; where none does, nobody is calling."""

    def __init__(self, authenticators: Sequence[Authenticator]) -> None:
        self._authenticators = tuple(authenticators)

    async def authenticate(self, head: Head, source: Source) -> Identity:
        """Who is calling. Raises `Refused` (`gateway.unauthenticated`), also for no credential at all.

        A certificate that does not count is refused whatever credential stands beside it.
        """
        if source.certificate_fault is not None:
            raise Refused(source.certificate_fault)
        for authenticator in self._authenticators:
            identity = await authenticator.authenticate(head, source)
            if identity is not None:
                return identity
        raise Refused("gateway.unauthenticated")
