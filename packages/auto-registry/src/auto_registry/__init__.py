"""AutoConfig and AutoModel classes: which class a checkpoint names. No torch."""
