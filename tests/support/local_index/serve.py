"""Run pypiserver on a free port of loopback and print its address: `python serve.py FOLDER`.

A process of its own: pypiserver changes how its process imports, and warns of what Python 3.13 lacks.
"""

from __future__ import annotations

import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

import pypiserver


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def main() -> None:
    """Serve until the process is ended. Anybody may upload; nothing is fetched from elsewhere."""
    application = pypiserver.app(roots=[sys.argv[1]], authenticate=[], password_file=".", disable_fallback=True)
    with make_server("127.0.0.1", 0, application, server_class=_Server) as server:
        sys.stdout.write(f"http://127.0.0.1:{server.server_port}/\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
