"""The Hugging Face Hub up and down, and remote code that was trusted, for the pretrained packages."""
