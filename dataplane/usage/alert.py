"""Who is told when a rule about use applies: a warning once a client and hour, and a count."""

from __future__ import annotations

import logging
from typing import Final

from prometheus_client import CollectorRegistry, Counter

from dataplane.domain import CallState
from dataplane.usage.clients import Clients

RULES: Final = "request.usage."
"""What the ids of rules about use begin with. Which one applies, and from which value on, is policy's."""

_log = logging.getLogger("regogate.usage")


class Alerts:
    """Looks at every call that ended. A rule in shadow mode is told, too, as not enforced: so can a site
    have the alert without the measure."""

    def __init__(self, clients: Clients, registry: CollectorRegistry) -> None:
        self._clients = clients
        self._raised = Counter(
            "regogate_usage_alerts_total",
            "Hours in which a rule about unusual use applied to a client, once a client and hour.",
            registry=registry,
        )
        self._calls = Counter(
            "regogate_usage_unusual_calls_total",
            "Calls to which a rule about unusual use applied.",
            registry=registry,
        )

    def look(self, state: CallState) -> None:
        """Tell of the call if a rule about use applied to it."""
        decision = state.decision
        if decision is None or state.identity is None:
            return
        enforced = [one for one in decision.reasons if one.startswith(RULES)]
        rules = enforced or [one for one in decision.shadow if one.startswith(RULES)]
        if not rules:
            return
        self._calls.inc()
        client_id, hour = state.identity.client_id, self._clients.hour()
        client = self._clients.get(client_id)
        if client.alerted == hour:
            return
        client.alerted = hour
        self._raised.inc()
        _log.warning(
            "unusual use",
            extra={
                "client": client_id,
                "rules": rules,
                "enforced": bool(enforced),
                "decision": decision.verdict.value,
                "request_id": state.head.request_id,
                "policy_revision": decision.revision,
                **self._clients.facts(client_id),
            },
        )
