"""Scores of the model and of every baseline, on the same samples."""
