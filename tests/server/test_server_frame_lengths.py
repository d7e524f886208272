"""An overlong HTTP/2 frame is known by its header, however the bytes are split."""

from __future__ import annotations

import pytest

from dataplane.server.frame_lengths import MAX_FRAME_BYTES, FrameLengths

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(length: int, body: bool = True) -> bytes:
    return length.to_bytes(3) + bytes(6) + (b"\xff" * length if body else b"")


@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_frames_up_to_the_limit_pass_and_the_first_longer_one_is_found(step: int) -> None:
    data = PREFACE + frame(0) + frame(5) + frame(MAX_FRAME_BYTES) + frame(MAX_FRAME_BYTES + 1, body=False)
    lengths = FrameLengths()
    found = [lengths.overlong(data[at : at + step]) for at in range(0, len(data), step)]
    assert found[-1]
    if step == 1:
        assert not any(found[:-7]), "known with the header's last byte, which is the frame's ninth"
        assert not any(found[:-1])


def test_the_preface_is_no_frame() -> None:
    assert not FrameLengths().overlong(PREFACE)
