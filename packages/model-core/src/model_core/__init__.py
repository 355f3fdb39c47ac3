"""PreTrainedModel: from a config and safetensors to a torch module, and back."""
