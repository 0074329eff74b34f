"""The model's forward passes: layout of a row, what stands before all rows, loss per target token, decoding.

Knows no methods: what is trained is given as a prefix, or stands in the model's weights. From the outside in: `base`
(a model from a folder, probed), `prefix`, `loss` and `decoding`; below them `packed` and `last_layer` (the loss's
faster way), `cache`, `beam`, `stops`; `kernels`, `rotary` and `bloom` are the same functions in fewer passes.

Tensor comments use one alphabet: B rows, T positions of the prefix, L text positions, H hidden, D of a head,
V vocabulary, K beams, N target tokens of a batch.
"""
