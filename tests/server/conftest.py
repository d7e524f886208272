"""An authority of its own, and a certificate of it for the server."""

from __future__ import annotations

import pytest
from server_certs import Authority

from dataplane.server.serve import Tls, TlsFiles


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "ca")


@pytest.fixture(scope="module")
def tls(authority: Authority) -> Tls:
    pair = authority.issue("server")
    return Tls(TlsFiles(cert=pair.cert, key=pair.key))
