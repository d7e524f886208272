"""What is read again of a text that was heard reaches as far back as a stream keeps."""

from __future__ import annotations

from dataplane.heard import SEEN_AT_ONCE
from dataplane.inspection.stream import CONTEXT


def test_as_much_is_read_again_as_a_stream_keeps() -> None:
    assert SEEN_AT_ONCE == CONTEXT
