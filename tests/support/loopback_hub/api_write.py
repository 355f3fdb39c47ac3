"""Routes that change repositories: create, delete, settings, branches, tags, preupload and commit."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from loopback_hub import refusals
from loopback_hub.access import segment
from loopback_hub.cards import CARD, judge
from loopback_hub.contents import ATTRIBUTES, Blob, is_lfs
from loopback_hub.ignores import ignores_for
from loopback_hub.names import check_file_name, check_ref_name, check_repository_name
from loopback_hub.repositories import KINDS, Repository

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request

    from loopback_hub.access import Access
    from loopback_hub.repositories import Commit, Store
    from loopback_hub.xet import CasApi

__all__ = ["WriteApi"]

_REPOSITORY = "/api/{kind}/{namespace}/{name}"


class WriteApi:
    """The routes. Each reads its request first and then changes the store under its lock."""

    def __init__(self, access: Access, store: Store, cas: CasApi) -> None:
        self._access = access
        self._store = store
        self._cas = cas

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/api/repos/create", self.create_repository, methods=["POST"]),
            Route("/api/repos/move", self.move_repository, methods=["POST"]),
            Route("/api/repos/delete", self.delete_repository, methods=["DELETE"]),
            Route("/api/validate-yaml", self.validate_card, methods=["POST"]),
            Route(_REPOSITORY + "/settings", self.change_settings, methods=["PUT"]),
            Route(_REPOSITORY + "/branch/{branch}", self.create_branch, methods=["POST"]),
            Route(_REPOSITORY + "/branch/{branch}", self.delete_branch, methods=["DELETE"]),
            Route(_REPOSITORY + "/tag/{revision}", self.create_tag, methods=["POST"]),
            Route(_REPOSITORY + "/tag/{tag}", self.delete_tag, methods=["DELETE"]),
            Route(_REPOSITORY + "/preupload/{revision}", self.preupload, methods=["POST"]),
            Route(_REPOSITORY + "/commit/{revision}", self.commit, methods=["POST"]),
        ]

    async def create_repository(self, request: Request) -> Response:
        """Make a repository; one of that name is a conflict that says where it is."""
        body = await request.json()
        caller, namespace = self._access.creator(request, body.get("organization"))
        check_repository_name(body["name"])
        repository = Repository(
            f"{namespace}/{body['name']}",
            KINDS[body.get("type", "model")],
            private=body.get("visibility") == "private",
        )
        url = f"{request.base_url}{repository.prefix}{repository.id}"
        with self._store.lock:
            if (repository.kind, repository.id) in self._store.repositories:
                raise refusals.conflict("You already created this model repo", url=url)
            self._store.add(repository)
        return JSONResponse({"url": url, "name": repository.id, "id": repository.id, "author": caller.user})

    async def move_repository(self, request: Request) -> Response:
        """Give a repository another name."""
        body = await request.json()
        kind, old, new = KINDS[body.get("type", "model")], body["fromRepo"], body["toRepo"]
        namespace, _, name = new.partition("/")
        self._access.creator(request, old.partition("/")[0])
        self._access.creator(request, namespace)
        check_repository_name(name)
        with self._store.lock:
            self._access.find(request, kind, old)
            if (kind, new) in self._store.repositories:
                raise refusals.conflict(f"{new} exists already")
            self._store.move(kind, old, new)
        return JSONResponse({})

    async def delete_repository(self, request: Request) -> Response:
        """Forget a repository."""
        body = await request.json()
        caller, namespace = self._access.creator(request, body.get("organization"))
        with self._store.lock:
            key = (KINDS[body.get("type", "model")], f"{namespace}/{body['name']}")
            if self._store.repositories.pop(key, None) is None:
                raise refusals.repository_not_found(caller)
        return JSONResponse({})

    async def validate_card(self, request: Request) -> Response:
        """Judge a card before the client uploads it; the answer is JSON whatever the card is."""
        verdict = judge((await request.json())["content"])
        answer = {
            "errors": [{"message": message} for message in verdict.errors],
            "warnings": [{"message": message} for message in verdict.warnings],
        }
        return JSONResponse(answer, status_code=400 if verdict.errors else 200)

    async def change_settings(self, request: Request) -> Response:
        """Make a repository private, public or gated."""
        repository = self._access.writable(request)
        body = await request.json()
        with self._store.lock:
            if "visibility" in body:
                repository.private = body["visibility"] == "private"
            repository.gated = body.get("gated", repository.gated)
        return JSONResponse({"private": repository.private, "gated": repository.gated})

    async def create_branch(self, request: Request) -> Response:
        """Make a branch at `startingPoint`, at the end of `main` without one."""
        repository = self._access.writable(request)
        start = (await request.json()).get("startingPoint", "main")
        name = segment(request, "branch")
        check_ref_name(name, "branch")
        return self._name(repository, repository.branches, name, start)

    async def create_tag(self, request: Request) -> Response:
        """Make a tag; the path names the revision."""
        repository = self._access.writable(request)
        tag = (await request.json())["tag"]
        check_ref_name(tag, "tag")
        return self._name(repository, repository.tags, tag, segment(request, "revision"))

    async def delete_branch(self, request: Request) -> Response:
        """Forget a branch other than `main`."""
        repository = self._access.writable(request)
        name = segment(request, "branch")
        if name == "main":
            raise refusals.forbidden("Cannot delete the main branch")
        return self._unname(repository.branches, name)

    async def delete_tag(self, request: Request) -> Response:
        """Forget a tag."""
        return self._unname(self._access.writable(request).tags, segment(request, "tag"))

    async def preupload(self, request: Request) -> Response:
        """Say for each file whether it becomes an LFS object, whether it is ignored, and what has its name now."""
        repository = self._access.writable(request)
        files = self._access.commit(request, repository).files
        attributes = files[ATTRIBUTES].content if ATTRIBUTES in files else b""
        body = await request.json()
        ignores = ignores_for(body.get("gitIgnore"), files)
        answers = []
        for item in body["files"]:
            path = item["path"]
            lfs = is_lfs(path, size=item["size"], sample=b64decode(item["sample"]), attributes=attributes)
            answer = {"path": path, "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": ignores.match(path)}
            if path in files:
                answer["oid"] = files[path].etag
            answers.append(answer)
        return JSONResponse({"files": answers})

    async def commit(self, request: Request) -> Response:
        """Put a commit on a branch, or with `create_pr` on a new pull request that starts there."""
        repository = self._access.writable(request)
        lines = [json.loads(line) for line in (await request.body()).splitlines() if line]
        header = next(line["value"] for line in lines if line["key"] == "header")
        await self._fetch_objects(line["value"]["oid"] for line in lines if line["key"] == "lfsFile")
        ref = segment(request, "revision")
        answer = {}
        with self._store.lock:
            parent = repository.head(ref)
            if parent is None:
                raise refusals.revision_not_found(ref)
            if header.get("parentCommit", parent.sha) != parent.sha:
                raise refusals.Refusal(412, f"A commit has happened since: {ref} is now at {parent.sha}")
            changes = self._changes(parent, lines)
            if request.query_params.get("create_pr"):
                ref = repository.open_pull_request(parent)
                number = ref.removeprefix("refs/pr/")
                url = f"{request.base_url}{repository.prefix}{repository.id}/discussions/{number}"
                answer["pullRequestUrl"] = url
            commit = repository.add_commit(
                ref,
                changes,
                title=header["summary"],
                message=header.get("description", ""),
                author=self._access.known_caller(request).user,
            )
        url = f"{request.base_url}{repository.prefix}{repository.id}/commit/{commit.sha}"
        return JSONResponse({"success": True, "commitOid": commit.sha, "commitUrl": url, **answer})

    async def _fetch_objects(self, oids: Iterable[str]) -> None:
        """Take over what clients have uploaded by xet, so that it can be had by LFS too."""
        for oid in oids:
            if oid not in self._store.objects:
                content = await self._cas.download(oid)
                if content is not None:
                    self._store.objects[oid] = content

    def _changes(self, parent: Commit, lines: Iterable[dict[str, Any]]) -> dict[str, Blob | None]:
        changes: dict[str, Blob | None] = {}
        for line in lines:
            value = line["value"]
            if line["key"] in {"file", "lfsFile"}:
                check_file_name(value["path"])
            match line["key"]:
                case "file":
                    changes[value["path"]] = _small_file(value["path"], b64decode(value["content"]))
                case "lfsFile":
                    if value["oid"] not in self._store.objects:
                        raise refusals.bad_request(f"LFS object {value['oid']} of {value['path']} was not uploaded")
                    changes[value["path"]] = Blob(self._store.objects[value["oid"]], lfs=True)
                case "deletedFile":
                    if value["path"] not in parent.files:
                        raise refusals.entry_not_found("A file with this name doesn't exist")
                    changes[value["path"]] = None
                case "deletedFolder":
                    inside = [path for path in parent.files if path.startswith(value["path"].rstrip("/") + "/")]
                    if not inside:
                        raise refusals.entry_not_found("A folder with this name doesn't exist")
                    changes |= dict.fromkeys(inside)
        return changes

    def _name(self, repository: Repository, names: dict[str, str], name: str, revision: str) -> Response:
        with self._store.lock:
            commit = repository.find(revision)
            if commit is None:
                raise refusals.revision_not_found(revision)
            if name in names:
                raise refusals.conflict(f"Reference {name} already exists")
            names[name] = commit.sha
        return JSONResponse({})

    def _unname(self, names: dict[str, str], name: str) -> Response:
        with self._store.lock:
            if names.pop(name, None) is None:
                raise refusals.revision_not_found(name)
        return JSONResponse({})


def _small_file(path: str, content: bytes) -> Blob:
    errors = judge(content.decode(errors="replace")).errors if path == CARD else []
    if errors:
        raise refusals.bad_request("\n".join(errors))
    return Blob(content, lfs=False)
