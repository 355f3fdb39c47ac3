"""The Hub over TLS, where the client meets the real Hub's anonymous 401: without an error code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="makes a certificate")

REPO = "me/model"
FILES = {"config.json": b"{}", "model.safetensors": b"weights"}
PROGRAM = """
import sys, huggingface_hub
from huggingface_hub import HfApi

def upload(repo_id):
    return HfApi().upload_file(repo_id=repo_id, path_or_fileobj=b"1", path_in_repo="model.safetensors").oid

def info(repo_id):
    return HfApi().model_info(repo_id).sha

calls = {"info": info, "upload": upload, "download": huggingface_hub.hf_hub_download}
try:
    print(calls[sys.argv[1]](*sys.argv[2:]))
except Exception as error:
    print(type(error).__name__)
"""


@pytest.fixture
def run(hub):
    """Run one call of the client over TLS; return what it gives, or the name of its error."""

    def call(*arguments, **environ):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments],
            env={**os.environ, **hub.tls().environ, **environ},
            stdout=subprocess.PIPE,
            encoding="utf-8",
            timeout=60,
            check=True,
        )
        return done.stdout.strip()

    return call


@pytest.mark.parametrize("path", FILES)
def test_files_are_downloaded(hub, run, path):
    """A small file and weights come over TLS; the process trusts the certificate by its environment."""
    hub.create_repo(REPO, FILES)
    assert Path(run("download", REPO, path)).read_bytes() == FILES[path]


def test_weights_are_uploaded(hub, run):
    """The write token is fetched over TLS too."""
    hub.create_repo(REPO)
    assert hub.files(REPO, run("upload", REPO, HF_TOKEN=hub.token("me")))["model.safetensors"] == b"1"


@pytest.mark.parametrize("call", ["info", "upload"])
def test_missing_repository_is_told_by_its_address(hub, run, call):
    """The client takes an anonymous 401 for a missing repository, though no error code says so."""
    assert run(call, "me/absent") == "RepositoryNotFoundError"
    assert {request.path.partition("/me/")[0] for request in hub.requests} == {"/api/models"}


def test_own_repository_seems_missing_without_a_token(hub, run):
    """A push without a token to a public repository gets the same 401, and the client says the same."""
    hub.create_repo(REPO)
    assert run("upload", REPO) == "RepositoryNotFoundError"


def test_missing_repository_is_told_by_its_code_to_who_has_a_token(hub, run):
    """With a token it is a 404."""
    assert run("info", "me/absent", HF_TOKEN=hub.token("me")) == "RepositoryNotFoundError"


def test_process_without_the_authority_trusts_nobody(hub, run):
    """The certificate is checked."""
    hub.create_repo(REPO, FILES)
    assert run("info", REPO, SSL_CERT_FILE=os.devnull) in {"ConnectError", "SSLError"}
