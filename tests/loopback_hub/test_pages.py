"""Long lists come in pages, which the client follows wherever they lead."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import HfApi, snapshot_download

REPO = "me/model"
FILES = {f"part/{number:02}.json": str(number).encode() for number in range(7)}


@pytest.fixture
def sha(hub):
    return hub.create_repo(REPO, FILES)


def asked(hub, part):
    return [request for request in hub.requests if part in request.path]


@pytest.mark.usefixtures("sha")
@pytest.mark.parametrize(("size", "pages"), [(1, 9), (4, 3), (9, 1), (1000, 1)])
def test_tree_comes_in_pages(hub, size, pages):
    """Nothing is missing and nothing comes twice, whatever a page holds."""
    hub.cut_lists(size=size)
    paths = [entry.path for entry in HfApi().list_repo_tree(REPO, recursive=True)]
    assert sorted(paths) == [".gitattributes", "part", *FILES]
    assert len(asked(hub, "/tree/")) == pages


@pytest.mark.usefixtures("sha")
def test_query_is_kept(hub):
    """The second page is of the same kind as the first."""
    hub.cut_lists(size=2)
    list(HfApi().list_repo_tree(REPO, recursive=True))
    assert {"recursive=true" in request.query.lower() for request in asked(hub, "/tree/")} == {True}


def test_tree_of_the_usual_size_comes_in_one_page(hub):
    """A page holds as many entries as on the real Hub."""
    hub.create_repo("me/many", {f"{number:04}.txt": "" for number in range(1001)})
    assert len(list(HfApi().list_repo_tree("me/many"))) == 1002
    assert len(asked(hub, "/tree/")) == 2


@pytest.mark.usefixtures("sha")
def test_history_comes_in_pages(hub):
    """Commits are listed whole too."""
    for number in range(4):
        hub.commit(REPO, {"config.json": str(number)})
    hub.cut_lists(size=2)
    assert len(HfApi().list_repo_commits(REPO)) == 6
    assert len(asked(hub, "/commits/")) == 3


@pytest.mark.usefixtures("sha")
def test_snapshot_of_a_tree_in_pages_is_whole(hub):
    """A download of everything follows the pages."""
    hub.cut_lists(size=2)
    folder = Path(snapshot_download(REPO))
    assert {path: (folder / path).read_bytes() for path in FILES} == FILES


@pytest.mark.usefixtures("sha")
def test_next_page_can_be_elsewhere(hub):
    """The client takes its token along to any host that the Hub names, so the log of the second origin shows it."""
    token = hub.token("me")
    hub.change_headers_next("/tree/", {"Link": f'<{hub.cdn_url}/elsewhere>; rel="next"'})
    hub.answer_next("/elsewhere", content="[]")
    list(HfApi(token=token).list_repo_tree(REPO))
    (request,) = asked(hub, "/elsewhere")
    assert (request.headers["host"], request.token) == (hub.cdn_url.removeprefix("http://"), token)


@pytest.mark.usefixtures("sha")
def test_header_can_be_missing(hub):
    """None takes a header away: here a list that ends too early."""
    hub.cut_lists(size=2)
    hub.change_headers_next("/tree/", {"Link": None})
    assert len(list(HfApi().list_repo_tree(REPO, recursive=True))) == 2
