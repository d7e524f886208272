"""The clients that call now: what they used in the last hour over what is usual, for policy.

Everything a call needs is here, in memory: one look-up and a few additions. What this process served is
counted as it ends; what others served, and what is usual, is put in by the `keeper` now and then.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from dataplane.usage.baseline import FLOOR_REQUESTS, FLOOR_TOKENS, HOUR_S, Baseline, Used
from dataplane.usage.recent import Recent

CLIENTS_MAX: Final = 10_000
"""Clients kept, about 8 MB. Where more call within two hours, the one that was idle longest begins anew."""

_NO_FACTS: Final[Mapping[str, float]] = {}


@dataclass(slots=True, kw_only=True, eq=False)
class Client:
    """What is known of one client. `first` is the hour of its first call, None until it was read;
    `usual_at` the hour for which `usual` was found; `alerted` the hour of the last alert about it."""

    own: Recent = field(default_factory=Recent)
    others: Recent = field(default_factory=Recent)
    first: int | None = None
    usual: Baseline | None = None
    usual_at: int = -1
    alerted: int = -1


class Clients:
    """Implements `ports.UsageFacts`. For one event loop. `unknown` is called where a client turns up whose
    history is not read yet."""

    def __init__(
        self,
        *,
        clock_s: Callable[[], float] = time.time,
        limit: int = CLIENTS_MAX,
        unknown: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock_s = clock_s
        self._limit = limit
        self._unknown = unknown
        self._clients: OrderedDict[str, Client] = OrderedDict()

    def __len__(self) -> int:
        return len(self._clients)

    def hour(self) -> int:
        """The current hour's number."""
        return int(self._clock_s() // HOUR_S)

    def get(self, client_id: str) -> Client:
        """The entry of a client, as the one that was used last."""
        found = self._clients.get(client_id)
        if found is None:
            found = self._clients[client_id] = Client()
            if len(self._clients) > self._limit:
                self._clients.popitem(last=False)
            self._unknown()
        else:
            self._clients.move_to_end(client_id)
        return found

    # --- ports.UsageFacts -----------------------------------------------------------------------

    def facts(self, client_id: str) -> Mapping[str, float]:
        """See `ports.UsageFacts.facts`."""
        client = self.get(client_id)
        if client.usual is None:
            return _NO_FACTS
        hours = self._clock_s() / HOUR_S
        hour = int(hours)
        share = 1 - (hours - hour)
        own, others = client.own.last_hour(hour, share), client.others.last_hour(hour, share)
        tokens, requests = max(client.usual.tokens, FLOOR_TOKENS), max(client.usual.requests, FLOOR_REQUESTS)
        return {
            "tokens_vs_baseline": round((own[0] + others[0]) / tokens, 3),
            "requests_vs_baseline": round((own[1] + others[1]) / requests, 3),
        }

    # --- what is put in -------------------------------------------------------------------------

    def count(self, client_id: str, tokens: int) -> None:
        """A call of the client ended here."""
        self.get(client_id).own.add(self.hour(), tokens)

    def served_elsewhere(self, hour: int, used: Iterable[tuple[str, int, Used]]) -> None:
        """What other processes served in `hour` and the hour before it: client, hour and use."""
        seen: dict[str, Recent] = {}
        for client_id, at, one in used:
            found = seen.setdefault(client_id, Recent(hour=hour))
            if at == hour:
                found.now = one
            else:
                found.before = one
        for client_id, recent in seen.items():
            if client_id in self._clients or len(self._clients) < self._limit:
                self.get(client_id).others = recent

    def without_baseline(self, hour: int, most: int) -> list[str]:
        """Clients whose baseline is not the one of `hour`, the ones used last first."""
        found = []
        for client_id in reversed(self._clients):
            if self._clients[client_id].usual_at != hour:
                found.append(client_id)
                if len(found) == most:
                    break
        return found

    def peek(self, client_id: str) -> Client | None:
        """The entry of a client that is still here, without using it."""
        return self._clients.get(client_id)
