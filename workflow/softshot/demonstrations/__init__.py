"""Demonstrations: which training records stand beside a record, found by a retriever or drawn at random."""
