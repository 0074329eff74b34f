"""Demonstrations: which training records stand beside a record, retrieved by similarity or drawn at random."""
