"""Archives in any form but the one are refused, and bombs before they grow."""

import pytest
from forged_bundles import gz

from dataplane.bundle import archive
from dataplane.bundle.archive import ArchiveRefused, member, pack, unpack
from dataplane.bundle.model import Bundle


def header(name: bytes, size: int = 0, kind: bytes = b"0") -> bytes:
    block = bytearray(member("data.json", b"").block[:512])
    block[124:136] = b"%011o\0" % size  # said, not there: one of the sizes is a gigabyte
    block[0:100] = name.ljust(100, b"\0")
    block[156:157] = kind
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


END = bytes(1024)


@pytest.mark.parametrize(
    "data",
    [
        header(b"/../evil.rego") + END,
        header(b"/regogate/../evil.rego") + END,
        header(b"regogate/evil.rego") + END,
        header(b"/etc/passwd") + END,
        header(b"/regogate/a.rego\0b") + END,
        header(b"/regogate//a.rego") + END,
        header(b"/regogate/.hidden.rego") + END,
        header(b"/patch.json") + END,
        header(b"/data.yaml") + END,
        header(b"/regogate/data.json") + END,
        header(b"/policy.wasm") + END,
        header(b"/x.manifest") + END,
        header(b"/x/.signatures.json") + END,
        header(b"/regogate/l\xc3\xa9.rego") + END,
        *(
            header(b"/data.json", kind=kind) + END
            for kind in (b"1", b"2", b"3", b"5", b"L", b"x", b"g", b"S", b"\0")
        ),
        header(b"/data.json") + header(b"/data.json") + END,
        header(b"/data.json", size=10**9) + END,
        header(b"/data.json", size=1) + b"x" + b"y" * 511 + END,
        header(b"/data.json")[:300],
        header(b"/data.json") + END + b"x",
        header(b"/data.json") + END + bytes(512),
        header(b"/data.json") + bytes(512),
        header(b"/data.json").replace(b"ustar\x0000", b"ustar  \0") + END,
        b"",
        bytes(100),
    ],
)
def test_archives_in_any_other_form_are_refused(data: bytes) -> None:
    with pytest.raises(ArchiveRefused):
        unpack(gz(data))


def test_gzip_bombs_trailing_bytes_and_second_streams_are_refused(signed: Bundle) -> None:
    bomb = gz(bytes(archive.MAX_TAR_BYTES + 1))
    assert len(bomb) < 200_000
    for content in (bomb, signed.content + b"x", signed.content * 2, signed.content[:-1], b"", b"x"):
        with pytest.raises(ArchiveRefused):
            unpack(content)
    with pytest.raises(ArchiveRefused, match="larger"):
        unpack(bytes(archive.MAX_BUNDLE_BYTES + 1))


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [member(f"regogate/f{number}.rego", b"") for number in range(archive.MAX_MEMBERS + 1)]
    with pytest.raises(ArchiveRefused, match="more than"):
        unpack(pack(many))
