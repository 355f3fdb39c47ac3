"""ResNet on timm's blocks as a custom model with its own config."""
