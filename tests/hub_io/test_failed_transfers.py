"""Whatever fails on the way from or to the Hub is one error of ours, with host, request and remedy, and no secret."""

from __future__ import annotations

import json
import traceback

import pytest

from hub_io import (
    HUB_SERVICE,
    AccessDeniedError,
    HubError,
    HubUnavailableError,
    PushRefusedError,
)
from hub_io.hub._client_errors import HubRequest, translate
from hub_io_command import hub_io
from loopback_hub import WITHOUT_XET
from other_processes import environment, run_program

CONFIG = {"config.json": '{"model_type": "tiny"}'}
WEIGHTS = bytes(range(256)) * 1000
PORTAL = "<html><body>Welcome to the airport. Please log in.</body></html>"


@pytest.fixture
def saved(tmp_path):
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "config.json").write_text(CONFIG["config.json"], encoding="utf-8")
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    return folder


def host(hub):
    return hub.url.removeprefix("http://")


def check(caught, hub, token=None):
    """Hold an error to what every one promises."""
    message = str(caught.value)
    assert isinstance(caught.value, OSError)
    assert caught.value.source == "me/tiny"
    assert caught.value.host in {host(hub), hub.cdn_url.removeprefix("http://")}
    assert hub.url in message or caught.value.host in message
    assert "signature=" not in message
    if token:
        assert token not in message


ANSWERS = {
    "a portal's page": {"content": PORTAL, "content_type": "text/html"},
    "cut JSON": {"content": '{"sha": "01'},
    "a list": {"content": "[]"},
    "nothing": {"content": "null"},
    "a number": {"content": "3"},
    "an empty object": {"content": "{}"},
    "no text": {"content": b"\xff\xfe\x00"},
    "other types": {"content": '{"id": 3, "sha": ["x"], "siblings": 7, "lastModified": {}}'},
    "a path for a commit": {"content": '{"id": "me/tiny", "sha": "../../../outside", "siblings": []}'},
    "an empty answer": {"content": ""},
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("path", ["/api/models/me/tiny", "/tree/"])
def test_answer_that_is_not_a_hubs_is_an_error_of_ours(hub, tmp_path, name, path):
    """A captive portal answers 200 to everything; so may a broken proxy."""
    if path == "/tree/" and name in {"a list", "an empty object", "an empty answer"}:
        pytest.skip("an empty list is an answer; the commit has no such file then")
    hub.create_repo("me/tiny", CONFIG)
    hub.answer_next(path, times=20, **ANSWERS[name])
    with pytest.raises(HubError) as caught:
        HUB_SERVICE.open("me/tiny", cache_dir=tmp_path / "cache")
    assert type(caught.value) is HubError
    assert "HF_ENDPOINT" in str(caught.value)
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("path", ["/repos/create", "/preupload/", "/xet-write-token/", "/commit/"])
def test_push_that_meets_another_server_is_an_error_of_ours(hub, saved, name, path):
    """At each step of a push; the repository is as it was."""
    token = hub.token("me")
    hub.create_repo("me/tiny", CONFIG)
    before = hub.files("me/tiny")
    hub.answer_next(path, times=20, **ANSWERS[name])
    with pytest.raises(HubError) as caught:
        HUB_SERVICE.publish(saved, "me/tiny", token=token)
    check(caught, hub, token)
    assert hub.files("me/tiny") == before


# Not at the steps that the client tries again for half a minute.
@pytest.mark.parametrize("path", ["/repos/create", "/api/models/me/tiny", "/commit/"])
@pytest.mark.parametrize("fault", ["reset_next", "close_next"])
def test_push_whose_connection_breaks_is_a_connection_error(hub, saved, path, fault):
    """Before the first byte of an answer."""
    token = hub.token("me")
    hub.create_repo("me/tiny", CONFIG)
    getattr(hub, fault)(path, times=20)
    with pytest.raises(HubUnavailableError, match="try again") as caught:
        HUB_SERVICE.publish(saved, "me/tiny", token=token)
    check(caught, hub, token)
    assert "model.safetensors" not in hub.files("me/tiny")


@pytest.mark.parametrize("status", [400, 403, 404, 409, 418, 507])
@pytest.mark.parametrize("path", ["/preupload/", "/xet-write-token/", "/commit/"])
def test_push_that_is_refused_is_an_error_of_ours(hub, saved, path, status):
    """Whatever the status and the step."""
    token = hub.token("me")
    hub.create_repo("me/tiny", CONFIG)
    hub.fail_next(path, status=status, times=20)
    with pytest.raises(HubError) as caught:
        HUB_SERVICE.publish(saved, "me/tiny", token=token)
    check(caught, hub, token)


def test_store_that_loses_the_weights_is_an_error_of_ours(hub, saved):
    """The client's part in Rust says RuntimeError."""
    token = hub.token("me")
    hub.create_repo("me/tiny", CONFIG)
    hub.fail_next("/v1/", status=500, times=1000)
    hub.fail_next("/xorbs", status=500, times=1000)
    hub.fail_next("/shards", status=500, times=1000)
    with pytest.raises(HubUnavailableError, match="try again") as caught:
        HUB_SERVICE.publish(saved, "me/tiny", token=token)
    check(caught, hub, token)


def test_error_of_the_client_stays_as_the_cause(hub, saved):
    """Who debugs sees both."""
    hub.create_repo("me/tiny", CONFIG)
    hub.fail_next("/commit/", status=418)
    with pytest.raises(HubError, match="answered 418") as caught:
        HUB_SERVICE.publish(saved, "me/tiny", token=hub.token("me"))
    assert (type(caught.value), caught.value.status) == (HubError, 418)
    assert type(caught.value.__cause__).__module__.startswith("huggingface_hub")
    assert caught.value.request == f"POST {hub.url}/api/models/me/tiny/commit/main"


CARDS = {
    "a number for a licence": "---\nlicense: 3\n---\n",
    "not YAML": "---\nlicense: [\n---\n",
}


@pytest.mark.parametrize("name", CARDS)
def test_refused_card_is_an_error_before_anything_is_created(hub, saved, name):
    """The Hub judges the metadata; a repository that holds nothing is not left behind."""
    (saved / "README.md").write_text(CARDS[name], encoding="utf-8")
    with pytest.raises(PushRefusedError, match="Nothing was pushed"):
        HUB_SERVICE.publish(saved, "me/tiny", token=hub.token("me"))
    assert not any("/repos/create" in request.path for request in hub.requests)


def test_card_that_is_no_text_is_refused(hub, saved):
    """It has to be UTF-8."""
    (saved / "README.md").write_bytes(b"\xff\xfe")
    with pytest.raises(PushRefusedError, match=r"README\.md"):
        HUB_SERVICE.publish(saved, "me/tiny", token=hub.token("me"))


def test_folder_that_changes_during_a_push_is_an_error(hub, saved):
    """Or the commit would have the config of one save and the weights of another."""
    before = hub.create_repo("me/tiny", CONFIG) and hub.files("me/tiny")
    (saved / "model.safetensors").write_bytes(WEIGHTS * 8)

    def save_again():
        (saved / "config.json").write_text('{"model_type": "other"}', encoding="utf-8")
        (saved / "model.safetensors").write_bytes(WEIGHTS[::-1] * 8)

    hub.before_next("/xet-write-token/", save_again)
    with pytest.raises(HubError, match=r"'config\.json', 'model\.safetensors' of .* changed while"):
        HUB_SERVICE.publish(saved, "me/tiny", token=hub.token("me"))
    assert hub.files("me/tiny") == before


@pytest.mark.parametrize("fault", ["no folder", "a file", "nothing in it", "a dead link"])
def test_folder_that_is_no_checkpoint_is_not_pushed(hub, saved, fault):
    """Nothing is created for it."""
    folder = saved
    if fault == "no folder":
        folder = saved / "absent"
    elif fault == "a file":
        folder = saved / "config.json"
    elif fault == "nothing in it":
        folder = saved / "empty"
        folder.mkdir()
    else:
        (saved / "model.safetensors").unlink()
        (saved / "model.safetensors").symlink_to("gone")
    with pytest.raises(FileNotFoundError):
        HUB_SERVICE.publish(folder, "me/tiny", token=hub.token("me"))
    assert hub.requests == []


def test_malformed_config_is_found_before_a_repository_is_made(hub, saved):
    """The card is written from it."""
    (saved / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"config\.json"):
        HUB_SERVICE.publish(saved, "me/tiny", token=hub.token("me"))
    assert hub.requests == []


def test_generated_card_is_left_out_where_it_is_ignored(hub, saved):
    """It is no file of the save."""
    hub.create_repo("me/tiny", {".gitignore": "*.md\n"})
    HUB_SERVICE.publish(saved, "me/tiny", token=hub.token("me"))
    assert "README.md" not in hub.files("me/tiny")
    assert hub.files("me/tiny")["model.safetensors"] == WEIGHTS


def test_card_with_tags_that_would_be_ignored_is_an_error(hub, saved):
    """The caller has asked for the tags, and would not learn that they are not there."""
    hub.create_repo("me/tiny", {".gitignore": "*.md\n", "README.md": "Mine.\n"})
    with pytest.raises(PushRefusedError, match=r"README\.md.*line 1: \*\.md"):
        HUB_SERVICE.publish(saved, "me/tiny", token=hub.token("me"), tags=["new"])
    assert "model.safetensors" not in hub.files("me/tiny")


def test_file_that_cannot_be_read_is_an_error_of_ours(hub, saved):
    """The weights vanish between save and upload."""
    hub.create_repo("me/tiny", CONFIG)
    (saved / "model.safetensors").write_bytes(WEIGHTS * 8)
    hub.before_next("/repos/create", (saved / "model.safetensors").unlink)
    with pytest.raises(HubError, match=r"model\.safetensors"):
        HUB_SERVICE.publish(saved, "me/tiny", token=hub.token("me"))


@pytest.mark.parametrize("fault", ["reset_next", "cut"])
def test_download_that_breaks_off_is_a_connection_error(hub, fault):
    """The bytes come over plain HTTP here, and end too early every time."""
    hub.offer_xet(offer=False)
    hub.create_repo("me/tiny", {**CONFIG, "model.safetensors": WEIGHTS})
    opened = HUB_SERVICE.open("me/tiny")
    if fault == "cut":
        hub.cut_next("/objects/", after=100, times=100)
    else:
        hub.reset_next("/objects/", times=100)
    with pytest.raises(HubUnavailableError, match="try again") as caught:
        opened.local_path("model.safetensors")
    check(caught, hub)


def test_xet_download_that_fails_is_an_error_of_ours(hub):
    """The token for the store is not given out."""
    hub.create_repo("me/tiny", {**CONFIG, "model.safetensors": WEIGHTS})
    opened = HUB_SERVICE.open("me/tiny")
    hub.fail_next("/xet-read-token/", status=418, times=100)
    with pytest.raises(HubError) as caught:
        opened.local_path("model.safetensors")
    check(caught, hub)


@pytest.mark.parametrize("name", ["model.safetensors", "modeling_tiny.py"])
def test_other_bytes_of_the_right_length_are_noticed(hub, name):
    """Over plain HTTP nothing but the listing says what was meant; the damaged file is not kept."""
    hub.offer_xet(offer=False)
    hub.create_repo("me/tiny", {**CONFIG, "model.safetensors": WEIGHTS, "modeling_tiny.py": "X = 1\n"})
    opened = HUB_SERVICE.open("me/tiny")
    hub.corrupt_next("/objects/" if name == "model.safetensors" else "/api/resolve-cache/")
    with pytest.raises(HubUnavailableError, match="other bytes than the Hub's listing says"):
        opened.local_path(name)
    with pytest.raises(FileNotFoundError):
        HUB_SERVICE.open("me/tiny", local_files_only=True).local_path(name)
    assert opened.local_path(name).read_bytes() == hub.files("me/tiny")[name]


def test_other_bytes_over_xet_are_noticed(hub):
    """The part of the client that speaks xet checks no hash of what it puts together; a forced download mends it."""
    hub.create_repo("me/tiny", {**CONFIG, "model.safetensors": WEIGHTS})
    opened = HUB_SERVICE.open("me/tiny")
    hub.corrupt_next("/xorbs/")
    with pytest.raises(HubUnavailableError, match=r"model\.safetensors.*load again with force_download=True"):
        opened.local_path("model.safetensors")
    with pytest.raises(FileNotFoundError):
        HUB_SERVICE.open("me/tiny", local_files_only=True).local_path("model.safetensors")
    again = HUB_SERVICE.open("me/tiny", force_download=True)
    assert again.local_path("model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize("settings", [{}, {"HF_HUB_DISABLE_SYMLINKS": "1"}], ids=["links", "copies"])
def test_every_damaged_file_is_noticed(hub, tmp_path, settings):
    """Also the second one, one beside a download that failed, and one in a cache without links."""
    hub.offer_xet(offer=False)
    shards = {"a.safetensors": WEIGHTS, "b.safetensors": WEIGHTS + b"2"}
    hub.create_repo("me/tiny", {**CONFIG, **shards, "modeling_a.py": "X = 1\n"})
    hub.corrupt_next("/objects/", times=2)
    hub.before_next("/modeling_a.py", lambda: hub.corrupt_next("/api/resolve-cache/"), method="HEAD")
    program = """
import sys
from hub_io import HUB_SERVICE, HubError
opened = HUB_SERVICE.open("me/tiny")
for names in (["a.safetensors", "b.safetensors"], ["modeling_a.py"]):
    try:
        opened.local_paths(names)
    except HubError as error:
        print(type(error).__name__, *names)
print(*(opened.snapshot.joinpath(name).exists() for name in ("a.safetensors", "b.safetensors", "modeling_a.py")))
"""
    printed = run_program(tmp_path / "p.py", program, environ=environment(tmp_path / "cache", **settings))
    assert printed.splitlines() == [
        "HubUnavailableError a.safetensors b.safetensors",
        "HubUnavailableError modeling_a.py",
        "False False False",
    ]


def test_damaged_file_beside_a_failed_download_is_noticed(hub):
    """The failure of one file does not keep another one from being checked."""
    hub.offer_xet(offer=False)
    hub.create_repo("me/tiny", {**CONFIG, "modeling_a.py": "X = 1\n", "model.safetensors": WEIGHTS})
    opened = HUB_SERVICE.open("me/tiny")
    hub.corrupt_next("/api/resolve-cache/")
    hub.fail_next("/objects/", status=403, times=20)
    with pytest.raises(HubError):
        opened.local_paths(["modeling_a.py", "model.safetensors"])
    assert HUB_SERVICE.open("me/tiny").local_path("modeling_a.py").read_bytes() == b"X = 1\n"


def test_forced_download_that_fails_says_why(hub):
    """The client wraps the real error into one that says nothing."""
    hub.create_repo("me/tiny", CONFIG)
    HUB_SERVICE.open("me/tiny").local_path("config.json")
    opened = HUB_SERVICE.open("me/tiny", force_download=True)
    hub.fail_next("/resolve/", status=507, times=100)
    with pytest.raises(HubUnavailableError, match="answered 507"):
        opened.local_path("config.json")


@pytest.mark.parametrize(
    "settings",
    [
        {"HF_ENDPOINT": "http://localhost:abc"},
        {"HF_ENDPOINT": "http://[::1"},
        {"HF_HUB_ETAG_TIMEOUT": "abc"},
        {"HF_ENDPOINT": "ftp://127.0.0.1"},
    ],
    ids=lambda settings: "=".join(*settings.items()),
)
def test_settings_that_the_client_cannot_use_are_an_error_of_ours(hub, saved, tmp_path, settings):
    """For loads and for pushes."""
    hub.create_repo("me/tiny", CONFIG)
    environ = environment(tmp_path / "cache", **settings)
    for program, arguments in ((OPEN, ["me/tiny"]), (PUSH, ["me/tiny", saved])):
        printed = run_program(tmp_path / "p.py", program, *arguments, environ=environ)
        assert {"HubError", "HubUnavailableError"} & set(printed.split())


def test_text_of_the_hub_is_cut_and_escaped(hub):
    """It may be as long as it likes, and command a terminal."""
    hub.create_repo("me/tiny", CONFIG)
    hub.answer_next("/api/models/me/tiny", status=400, content=json.dumps({"error": "A\x1b[31m" * 100_000}))
    with pytest.raises(HubError, match="answered 400") as caught:
        HUB_SERVICE.open("me/tiny")
    assert len(str(caught.value)) < 2_000
    assert "\x1b" not in str(caught.value)


def test_traceback_shows_no_signature(hub):
    """Of the client's own error neither, which is the cause."""
    hub.offer_xet(offer=False)
    hub.create_repo("me/tiny", {**CONFIG, "model.safetensors": WEIGHTS})
    opened = HUB_SERVICE.open("me/tiny")
    hub.expire_addresses(expire=True)
    with pytest.raises(HubUnavailableError) as caught:
        opened.local_path("model.safetensors")
    assert "signature=" not in "".join(traceback.format_exception(caught.value))


def test_secrets_are_hidden_before_a_text_is_cut():
    """A cut in the middle of a secret hides it from nobody."""
    proxies = ["http://me:secretpassword@proxy:3128", "https://me:p@secret/word@host/"]
    for proxy in proxies:
        error = translate(RuntimeError(f"{'x' * 470} {proxy}"), HubRequest("me/tiny"))
        assert "secre" not in str(error)


def test_other_bytes_of_the_first_file_are_noticed(hub):
    """The config comes along with the listing."""
    hub.create_repo("me/tiny", CONFIG)
    hub.corrupt_next("/api/resolve-cache/")
    with pytest.raises(HubUnavailableError, match=r"config\.json"):
        HUB_SERVICE.open("me/tiny")
    assert HUB_SERVICE.open("me/tiny").read_bytes("config.json", limit=99) == CONFIG["config.json"].encode()


def test_expired_address_is_not_blamed_on_the_token(hub):
    """The content network knows no tokens: it refuses an address that is too old."""
    hub.offer_xet(offer=False)
    hub.create_repo("me/tiny", {**CONFIG, "model.safetensors": WEIGHTS})
    opened = HUB_SERVICE.open("me/tiny")
    hub.expire_addresses(expire=True)
    with pytest.raises(
        HubUnavailableError, match=r"localhost:\d+, where the Hub keeps the bytes, answered 403"
    ) as caught:
        opened.local_path("model.safetensors")
    check(caught, hub)


def test_disabled_repository_is_said_to_be(hub):
    """No token helps."""
    hub.create_repo("me/tiny", CONFIG)
    hub.disable("me/tiny")
    with pytest.raises(AccessDeniedError, match="has disabled 'me/tiny'"):
        HUB_SERVICE.open("me/tiny", token=hub.token("me"))


def test_renamed_repository_is_opened(hub):
    """The Hub redirects the old name."""
    commit = hub.create_repo("me/old", CONFIG)
    hub.rename("me/old", "me/tiny")
    assert HUB_SERVICE.open("me/old").commit == commit


@pytest.mark.parametrize("revision", ["a b", "-x", "x..y", "refs/heads/x~1"])
def test_branch_name_that_no_branch_can_have_is_an_error_of_ours(hub, saved, revision):
    """The Hub refuses it, and nothing is committed."""
    hub.create_repo("me/tiny", CONFIG)
    with pytest.raises(HubError):
        HUB_SERVICE.publish(saved, "me/tiny", token=hub.token("me"), revision=revision)
    assert "model.safetensors" not in hub.files("me/tiny")


def test_push_without_a_token_asks_for_one(hub, saved):
    """The repository is there and public: it is the token that is missing."""
    hub.create_repo("me/tiny", CONFIG)
    with pytest.raises(AccessDeniedError, match="asks for a token to push to 'me/tiny', and none was sent"):
        HUB_SERVICE.publish(saved, "me/tiny", token=False)


OPEN = """
import sys
from hub_io import HUB_SERVICE, HubError
try:
    HUB_SERVICE.open(sys.argv[1], token=False)
except HubError as error:
    print(type(error).__name__, isinstance(error, PermissionError), isinstance(error, FileNotFoundError), error)
"""
PUSH = """
import sys
from pathlib import Path
from hub_io import HUB_SERVICE, HubError
try:
    HUB_SERVICE.publish(Path(sys.argv[2]), sys.argv[1], token=False)
except HubError as error:
    print(type(error).__name__, isinstance(error, PermissionError), error)
"""


def test_anonymous_refusal_without_a_code_is_about_access(hub, tmp_path):
    """Over TLS, as at the real Hub: it says 401 for what is private and for what does not exist."""
    hub.create_repo("me/tiny", CONFIG, private=True)
    environ = environment(tmp_path / "cache", **hub.tls().environ)
    for name in ("me/tiny", "me/absent"):
        printed = run_program(tmp_path / "p.py", OPEN, name, environ=environ)
        assert printed.startswith("AccessDeniedError True True")
        assert "asks for a token" in printed
        assert "or it is private" in printed


def test_push_without_a_token_over_tls_asks_for_one(hub, saved, tmp_path):
    """The client takes that 401 for a missing repository."""
    hub.create_repo("me/tiny", CONFIG)
    environ = environment(tmp_path / "cache", **hub.tls().environ)
    printed = run_program(tmp_path / "p.py", PUSH, "me/tiny", saved, environ=environ)
    assert printed.startswith("AccessDeniedError True")
    assert "asks for a token to push to 'me/tiny'" in printed


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize("name", ANSWERS)
def test_command_prints_no_traceback(hub, name):
    """One line that says what to do, and the exit code for what was not reached."""
    hub.create_repo("me/tiny", CONFIG)
    hub.answer_next("/api/models/me/tiny", times=20, **ANSWERS[name])
    done = hub_io("inspect", "me/tiny")
    assert done.exit_code == 3
    assert "Traceback" not in done.err
    assert done.err.startswith("Error: ")
    assert "HF_ENDPOINT" in done.err


def test_plain_upload_that_breaks_is_an_error_of_ours(hub, saved, tmp_path):
    """Without xet, the bytes are put to the content network."""
    hub.create_repo("me/tiny", CONFIG)
    hub.fail_next("/uploads/", status=403, times=100)
    program = PUSH.replace("token=False", f"token={hub.token('me')!r}")
    printed = run_program(
        tmp_path / "p.py", program, "me/tiny", saved, environ=environment(tmp_path / "cache", **WITHOUT_XET)
    )
    assert printed.startswith("HubUnavailableError")
    assert "signature=" not in printed
