"""Running trusted code: bundles as packages `hub_io.remote.<name>_<digest>`, and the classes in them."""

from __future__ import annotations

from hub_io.running._bundle_finder import BUNDLE_FINDER
from hub_io.running._class_import import import_classes
from hub_io.running._remote_packages import folders_of, is_of_code
from hub_io.running._served_modules import SERVED_FINDER

__all__ = ["BUNDLE_FINDER", "SERVED_FINDER", "folders_of", "import_classes", "is_of_code"]
