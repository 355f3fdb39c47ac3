import os
import tempfile
from unittest import TestCase

from auto_registry.code_conformance import RemoteCodeConformance
from config_core.hub_conformance import HubConformance


class TestFolderHub(HubConformance, TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        os.environ["FOLDER_HUB"] = folder.name


class TestNoCode(RemoteCodeConformance, TestCase):
    runs_trusted_code = False
