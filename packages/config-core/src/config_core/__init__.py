"""PretrainedConfig, opened checkpoints and one-step saving. Standard library only."""
