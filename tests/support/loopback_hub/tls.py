"""The Hub behind TLS, for clients in a process of their own: only there do they see the errors of the real Hub.

The client takes a 401 without an error code for a missing repository if the address starts with https.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loopback_hub.server import ServerThread, bind, url_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from starlette.types import ASGIApp

__all__ = ["Tls", "TlsServer"]

_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Tls:
    """How to reach the Hub over TLS.

    Attributes:
        url: Its address.
        environ: What a process needs in its environment: the address, and whom to trust.
    """

    url: str
    environ: Mapping[str, str]


class TlsServer:
    """Answers over TLS with a certificate that an authority of its own, made for it, has signed."""

    def __init__(self, application: ASGIApp, folder: Path) -> None:
        authority, certificate, key = _make_certificate(folder)
        port = bind()
        url = url_of(port).replace("http:", "https:")
        self.tls = Tls(url, {"HF_ENDPOINT": url, "SSL_CERT_FILE": str(authority)})
        self._server = ServerThread(application, (port,), ssl_certfile=str(certificate), ssl_keyfile=str(key))
        self._server.start()

    def stop(self) -> None:
        """Close the port."""
        self._server.stop()


def _make_certificate(folder: Path) -> tuple[Path, Path, Path]:
    """Return the files of an authority, of a certificate for loopback that it has signed, and of its key."""
    authority, certificate, key = folder / "authority.pem", folder / "certificate.pem", folder / "key.pem"
    authority_key, request, extensions = folder / "authority-key.pem", folder / "request.pem", folder / "extensions"
    extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\nauthorityKeyIdentifier=keyid\n", encoding="utf-8")
    # Pythons since 3.13 ask an authority what its key may be used for.
    usage = ("-addext", "keyUsage=critical,keyCertSign")
    _openssl(
        *("req", "-x509", *_NEW_KEY, "-keyout", authority_key, "-out", authority),
        *("-subj", "/CN=loopback authority", *usage),
    )
    _openssl("req", *_NEW_KEY, "-keyout", key, "-out", request, "-subj", "/CN=127.0.0.1")
    signer = ("-CA", authority, "-CAkey", authority_key, "-CAcreateserial")
    _openssl("x509", "-req", "-in", request, *signer, "-out", certificate, "-days", "2", "-extfile", extensions)
    return authority, certificate, key


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
