"""The frozen model with a soft prompt: layout of a row, shared prefix, loss, decoding.

Tensor comments use one alphabet: B rows, T soft tokens, L text positions, H hidden, V vocabulary,
K beams, N target positions of a batch.
"""
