"""Sentence vectors of the records' inputs, with sentence-transformers."""

import sys
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from transformers.utils import logging

from softshot.errors import UserError

BATCH_SIZE = 64  # inputs per forward pass; sentence-transformers sorts them by length first


def encode(texts: list[str], folder: Path, threads: int = 1) -> np.ndarray:
    """Normalised vectors of the texts, [texts, dimension], float32, by the encoder in a local folder.

    A text that occurs several times is encoded once. Texts longer than the encoder's own limit are cut there, as
    everywhere this encoder is used. Padding inside a batch moves a vector by about 1e-7; whoever compares scores
    has to round (see retrieve.py).
    """
    if not (folder / "modules.json").is_file():
        raise UserError(f"{folder} holds no sentence encoder (modules.json is missing): fetch it again.")
    logging.disable_progress_bar()  # of loading the weights: it would only litter the log
    torch.set_num_threads(threads)
    encoder = SentenceTransformer(
        str(folder),
        device="cuda" if torch.cuda.is_available() else "cpu",
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"use_safetensors": True},
    )
    row_of = {text: row for row, text in enumerate(dict.fromkeys(texts))}
    vectors = encoder.encode(
        list(row_of), batch_size=BATCH_SIZE, normalize_embeddings=True, show_progress_bar=sys.stderr.isatty()
    )
    return vectors.astype(np.float32, copy=False)[[row_of[text] for text in texts]]
