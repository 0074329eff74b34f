"""Training an adapter, one job per run that has one of its own."""
