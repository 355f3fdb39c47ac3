"""Running trusted code: bundles as packages `hub_io.remote.<name>_<digest>`, and the classes in them."""

from __future__ import annotations

from hub_io.running._class_import import import_classes
from hub_io.running._remote_modules import install_finder

__all__ = ["import_classes", "install_finder"]
