"""Training the soft prompt of PT and IPT, one job per (model, task, arm, tokens, seed)."""
