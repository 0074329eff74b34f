"""What a study will take, before it runs, and what it has taken."""
