"""Tags the words of a sentence."""
