"""Scoring: metrics of a run's predictions, with the statistics that any subset's score is summed from."""
