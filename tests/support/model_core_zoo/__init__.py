"""Models that are awkward to save and to load, and saves that are killed, for the tests of model_core."""
