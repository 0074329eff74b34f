"""What is trained beside the frozen model: an arm owns its parameters and exports them to PEFT's format."""
