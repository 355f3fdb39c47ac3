"""Running trusted code: bundles as packages `hub_io.remote.<name>_<digest>`, and the classes in them."""

from __future__ import annotations

from hub_io.running._bundle_finder import install_finder
from hub_io.running._class_import import import_classes
from hub_io.running._remote_packages import folders_of, is_of_code
from hub_io.running._served_modules import install_served_finder

__all__ = ["folders_of", "import_classes", "install_finder", "install_served_finder", "is_of_code"]
