"""softshot: in-context learning, prompt tuning and instruction prompt tuning, side by side."""
