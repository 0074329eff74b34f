"""Predictions of every arm: ICL, PT and IPT are decoded by the same code from the same layout."""
