"""Hubs and services with a fault each: prints what the conformance tests say of them, as JSON."""

from __future__ import annotations

import json
import os
import tempfile
import unittest
from pathlib import Path

from auto_registry.code_conformance import RemoteCodeConformance
from config_core.checkpoint import FolderCheckpoint, HubOptions
from config_core.hub_conformance import HubConformance
from folder_hub import FolderHub, FolderHubCheckpoint, NoCode


class PathsOfFolders(FolderHub):
    """Takes the easy way: the folder of the newest commit, under its own name."""

    def open(self, repo_id, options):
        opened = super().open(repo_id, options)
        return FolderCheckpoint(opened._folder, subfolder=options.subfolder)


class NewestAlways(FolderHub):
    """Ignores the revision."""

    def open(self, repo_id, options):
        return super().open(repo_id, options._replace(revision=None))


class InPlace(FolderHub):
    """Has one folder for all commits, so that opened files change."""

    def publish(self, folder, repo_id, **options):
        before = super().publish(folder, repo_id, **options)
        repository = self._folder_of(repo_id)
        for old in [path for path in repository.iterdir() if path.is_dir() and path.name != before.oid]:
            for path in (repository / before.oid).rglob("*"):
                if path.is_file() and (target := old / path.relative_to(repository / before.oid)).is_file():
                    target.write_bytes(path.read_bytes())
        return before


class AnyName(FolderHubCheckpoint):
    def local_path(self, filename):
        return self._folder / filename


class NamesUnchecked(FolderHub):
    """Joins names of files without a look at them."""

    def open(self, repo_id, options):
        opened = super().open(repo_id, options)
        return AnyName(repo_id, opened._folder, options.subfolder)


class Silent(FolderHub):
    """Ignores options that it does not know."""

    def publish(self, folder, repo_id, **options):
        return super().publish(folder, repo_id)


class OwnErrors(FolderHub):
    """Raises what its storage raises."""

    def open(self, repo_id, options):
        if not self._folder_of(repo_id).is_dir():
            raise KeyError(repo_id)
        return super().open(repo_id, options)


class KeepsOldWeights(FolderHub):
    """Only ever adds files."""

    def publish(self, folder, repo_id, **options):
        try:
            before = self.open(repo_id, HubOptions())
        except FileNotFoundError:
            return super().publish(folder, repo_id, **options)
        commit = super().publish(folder, repo_id, **options)
        for name in before.filenames() - self.open(repo_id, HubOptions()).filenames():
            Path(self._folder_of(repo_id), commit.oid, name).write_bytes(before.local_path(name).read_bytes())
        return commit


class Gullible(NoCode):
    """Believes every checkpoint."""

    def decide(self, load, auto_class):
        exec(load.checkpoint.read_bytes("modeling_conformance.py", limit=10_000), {})
        return self

    trusted = True


class Mute(NoCode):
    """Refuses, and raises another error than it says."""

    def load_class(self, decision):
        raise NotImplementedError


def messages_of(case):
    """Return the messages of the tests of a class that fail, by test."""
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    texts = {test.id().rpartition(".")[2]: text for test, text in [*result.failures, *result.errors]}
    return {test: text.strip().splitlines()[-1] for test, text in texts.items()}


def main():
    hubs = [PathsOfFolders, NewestAlways, InPlace, NamesUnchecked, Silent, OwnErrors, KeepsOldWeights]
    cases = [type(hub.__name__, (HubConformance, unittest.TestCase), {"hub": hub()}) for hub in hubs]
    for service in (Gullible, Mute):
        facts = {"remote_code": service(), "runs_trusted_code": False}
        cases.append(type(service.__name__, (RemoteCodeConformance, unittest.TestCase), facts))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FOLDER_HUB"] = folder
        print(json.dumps({case.__name__: messages_of(case) for case in cases}))


if __name__ == "__main__":
    main()
