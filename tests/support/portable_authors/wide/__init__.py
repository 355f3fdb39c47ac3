"""A model author's package."""
