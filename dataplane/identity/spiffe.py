"""SPIFFE IDs as the standards SPIFFE-ID and X509-SVID have them."""

from __future__ import annotations

import re
from typing import Final

from dataplane.identity.certificate import Certificate

SCHEME: Final = "spiffe://"

_ID: Final = re.compile(r"spiffe://[a-z0-9._-]{1,255}(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+)+", re.ASCII)
"""SPIFFE-ID section 2: a trust domain in lower case, and segments, none empty, `.` or `..`, no slash behind.
No port, user, query, fragment or percent-encoding. At least one segment: an ID without is a trust domain's
own, which no workload has (X509-SVID section 2)."""

MAX_CHARS: Final = 2048
"""SPIFFE-ID section 2.3."""


def is_workload_id(text: str) -> bool:
    """Whether a text is the SPIFFE ID of a workload."""
    return len(text) <= MAX_CHARS and _ID.fullmatch(text) is not None


def id_of(certificate: Certificate) -> str | None:
    """The SPIFFE ID that a certificate proves, or None (X509-SVID sections 2 and 5.2).

    It must be the only URI among the names, and the certificate that of a leaf.
    """
    if len(certificate.uris) != 1 or not certificate.leaf or not is_workload_id(certificate.uris[0]):
        return None
    return certificate.uris[0]
