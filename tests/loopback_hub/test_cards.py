"""Cards are judged: before an upload, when the client asks, and again by the commit."""

from __future__ import annotations

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, ModelCard
from huggingface_hub.errors import BadRequestError
from huggingface_hub.utils import get_session

REPO = "me/model"
REFUSED = {
    "number as license": ("license: 3", '"license" must be one of'),
    "license nobody knows": ("license: gpl-2.0-or-later", '"license" must be one of'),
    "one license of two": ("license: [mit, 3]", '"license" must be one of'),
    "mapping as license": ("license: {name: mit}", '"license" must be one of'),
    "number as tags": ("tags: 3", '"tags" must be an array'),
    "mapping as tags": ("tags: {a: b}", '"tags" must be an array'),
    "number among tags": ("tags: [a, 3]", r'"tags\[1\]" must be a string'),
    "folder as base model": ("base_model: /tmp/model", '"base_model" with value "/tmp/model" is not valid'),
    "text as widget": ("widget: text", '"widget" must be an array'),
    "no mapping": ("- a", "must be of type object"),
    "no YAML": ("license: [", "Invalid YAML"),
    "unknown type": ("tags: !!python/tuple [a]", "Invalid YAML"),
    "no date": ("date: 2026-13-45", "Invalid YAML"),
    "nested too deep": ("tags: " + "[" * 5000 + "]" * 5000, "Invalid YAML"),
}
FINE = {
    "license": "license: apache-2.0",
    "licenses": "license: [mit, other]",
    "one tag": "tags: a",
    "tags": "tags: [a, b]\nbase_model: me/other\nwidget: []",
    "unknown key": "anything: [1, {a: 2}]",
}


@pytest.fixture
def api(hub):
    api = HfApi(token=hub.token("me"))
    api.create_repo(REPO)
    return api


def card(metadata):
    return f"---\n{metadata}\n---\n# A model\n"


def push(api, content):
    api.create_commit(REPO, [CommitOperationAdd("README.md", content.encode())], commit_message="Save")


@pytest.mark.parametrize(("metadata", "message"), REFUSED.values(), ids=REFUSED)
def test_client_is_told_before_it_uploads(hub, api, metadata, message):
    """The client raises what the Hub says, and commits nothing."""
    with pytest.raises(ValueError, match=message):
        push(api, card(metadata))
    assert not [request for request in hub.requests if "/commit/" in request.path]


@pytest.mark.parametrize(("metadata", "message"), REFUSED.values(), ids=REFUSED)
def test_commit_refuses_the_card_too(hub, api, metadata, message):
    """A client whose question was answered by somebody else learns it from the commit."""
    hub.answer_next("/api/validate-yaml", content=b'{"errors": [], "warnings": []}')
    with pytest.raises(BadRequestError, match=message):
        push(api, card(metadata))
    assert "README.md" not in hub.files(REPO)


@pytest.mark.parametrize("metadata", FINE.values(), ids=FINE)
def test_card_is_kept(hub, api, metadata):
    """What the rules do not name is accepted."""
    push(api, card(metadata))
    assert hub.files(REPO)["README.md"].decode() == card(metadata)


@pytest.mark.parametrize("content", ["# A model\n", "", "---\n---\n", "---\nlicense: mit\n---no end"])
def test_card_without_metadata_is_warned_of(hub, api, content):
    """The card is kept, and the client warns."""
    with pytest.warns(UserWarning, match="empty or missing yaml metadata"):
        push(api, content)
    assert hub.files(REPO)["README.md"].decode() == content


def test_line_ends_of_other_systems_are_read(hub, api):
    """The block is found as the client finds it."""
    with pytest.raises(ValueError, match='"license" must be one of'):
        push(api, "---\r\nlicense: 3\r\n---\r\ntext")
    ModelCard(card("license: mit").replace("\n", "\r\n")).push_to_hub(REPO, token=api.token)
    assert "README.md" in hub.files(REPO)


def test_other_files_are_not_judged(hub, api):
    """Only the README.md at the top is a card."""
    api.upload_file(repo_id=REPO, path_or_fileobj=card("license: 3").encode(), path_in_repo="docs/README.md")
    assert "docs/README.md" in hub.files(REPO)


@pytest.mark.parametrize("metadata", ["license: 3", "\0", "a: &a [*a]"])
def test_answer_is_json(hub, metadata):
    """The client parses it before it looks at the status."""
    answer = get_session().post(f"{hub.url}/api/validate-yaml", json={"content": card(metadata), "repoType": "model"})
    assert set(answer.json()) == {"errors", "warnings"}


def test_what_a_test_puts_there_is_not_judged(hub):
    """A repository may be older than the rules."""
    hub.create_repo("me/old", {"README.md": card("license: 3")})
    assert hub.files("me/old")["README.md"]
