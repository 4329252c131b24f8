"""What a client submits: instructions, metadata, image headers, and the input made for the model."""
