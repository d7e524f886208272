"""Several ways to say who calls: the first that claims a credential decides."""

import asyncio

from api_key_house import REFUSED, outcome

from dataplane.domain import Head, Identity, Source
from dataplane.errors import Refused
from dataplane.identity.chain import FirstOf


class Fixed:
    """An authenticator that always answers the same."""

    def __init__(self, answer: Identity | Refused | None) -> None:
        self.answer = answer
        self.asked = 0

    async def authenticate(self, head: Head, source: Source) -> Identity | None:
        self.asked += 1
        if isinstance(self.answer, Refused):
            raise self.answer
        return self.answer


def test_where_nobody_claims_the_credential_nobody_is_calling() -> None:
    for chain in (FirstOf([]), FirstOf([Fixed(None), Fixed(None)])):
        assert asyncio.run(outcome(chain)) == REFUSED


def test_a_bad_credential_is_final_and_no_other_authenticator_is_asked() -> None:
    later = Fixed(Identity(client_id="late", method="jwt"))
    assert asyncio.run(outcome(FirstOf([Fixed(Refused("gateway.unauthenticated")), later]))) == REFUSED
    assert later.asked == 0


def test_the_first_that_claims_decides() -> None:
    later = Fixed(Refused("gateway.unauthenticated"))
    claims = Fixed(Identity(client_id="a", method="jwt"))
    assert asyncio.run(outcome(FirstOf([Fixed(None), claims, later]))) == "a"
    assert later.asked == 0
