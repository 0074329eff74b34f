"""Base models and the encoder: onto disk as safetensors, with a record of where they came from."""
