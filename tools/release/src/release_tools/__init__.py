"""Proves that each package of the workspace can be released alone, and releases it."""
