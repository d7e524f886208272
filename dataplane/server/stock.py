"""The one place that sets up Hypercorn's own parts: its settings, and a log that says nothing.

Attributes are set one by one because `Config.from_mapping` takes a misspelt key in silence.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

from hypercorn.config import Config
from hypercorn.logging import Logger

from dataplane.server.fields import MAX_HEAD_BYTES

MAX_STREAMS: Final = 100
"""Open requests on one HTTP/2 connection; the value RFC 9113 section 6.5.2 recommends not to go below."""

Scope = dict[str, Any]
Message = dict[str, Any]
App = Callable[
    [Scope, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]
"""An ASGI application. (Starlette's own alias uses MutableMapping; it is compatible.)"""


class Silent(Logger):
    """No access line and no traceback of Hypercorn's; the room logs for itself, without request content."""

    def __init__(self, config: Config) -> None:
        # Not calling the parent: it would put handlers on process-wide loggers.
        self.access_logger = None
        self.error_logger = None


def hypercorn_config() -> Config:
    """Hypercorn's settings for one listener. Time limits, sizes and keep-alive are this room's own."""
    config = Config()
    config.logger_class = Silent
    config.include_server_header = False
    # The filter in front is stricter; h11 must never be the one to refuse, it would do so on its own.
    config.h11_max_incomplete_size = 2 * MAX_HEAD_BYTES
    # Hypercorn enforces this on HTTP/2 by closing under requests still being answered.
    config.keep_alive_max_requests = sys.maxsize
    config.h2_max_concurrent_streams = MAX_STREAMS
    config.h2_max_header_list_size = 2 * MAX_HEAD_BYTES
    return config
