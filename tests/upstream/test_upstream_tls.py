"""A provider's certificate is verified, against the named authority where one is named."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from mock_provider import chat, listening, provider, response

from dataplane.errors import ConfigError
from dataplane.ports import UpstreamFailed


def certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """A self-signed certificate for `host` and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return cert_file, key_file


def call(folder: Path, host: str, *, trusted: bool) -> bytes:
    cert_file, key_file = certificate(folder, host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert_file, key_file)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response(b'{"tls":true}'))
        await reader.read()

    async def run() -> bytes:
        async with (
            listening(serve, context) as port,
            provider(f"https://localhost:{port}/v1", ca_file=cert_file if trusted else None) as upstream,
        ):
            reply = await upstream.send(chat())
            return b"".join([piece async for piece in reply.body])

    return asyncio.run(run())


@pytest.mark.parametrize(("host", "trusted"), [("localhost", False), ("other.example", True)])
def test_an_unknown_authority_or_another_host_is_unreachable(tmp_path: Path, host: str, trusted: bool):
    with pytest.raises(UpstreamFailed) as caught:
        call(tmp_path, host, trusted=trusted)
    assert caught.value.refused.reasons == ("gateway.upstream_unreachable",)
    assert caught.value.__notes__ == ["ClientConnectorCertificateError"]


def test_a_named_authority_is_trusted(tmp_path: Path):
    assert call(tmp_path, "localhost", trusted=True) == b'{"tls":true}'


def test_an_authority_file_that_is_none_stops_the_start(tmp_path: Path):
    async def run(path: Path) -> None:
        async with provider("https://localhost", ca_file=path):
            pass

    (tmp_path / "bad.pem").write_text("no certificate")
    for name in ("bad.pem", "absent.pem"):
        with pytest.raises(ConfigError, match="ca_file"):
            asyncio.run(run(tmp_path / name))
