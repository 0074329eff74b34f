"""Encoders: texts to vectors of length 1, by a sentence encoder or a causal language model in a local folder."""

import hashlib
import json
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from safetensors import SafetensorError
from transformers.utils import logging

from softshot import files
from softshot.engine import memory
from softshot.errors import UserError
from softshot.models import architectures, layout

SAFE = {"local_files_only": True, "trust_remote_code": False}
BATCH_BYTES = {"cpu": 2**12, "cuda": 2**17}  # some 1,000 tokens fit a CPU's cache: 1.7 times faster than 2**16 there


class Encoder(Protocol):
    """Turns texts into vectors."""

    dimension: int
    batch_bytes: int  # UTF-8 bytes of the texts it is best given at once

    def __call__(self, texts: list[str]) -> np.ndarray:
        """Normalised vectors of the texts, [texts, dimension], float32; in one forward pass where memory allows.

        Texts longer than the model's limit are cut at their end. Padding moves a vector by about 1e-7; whoever
        compares scores has to round (see ranking.py).
        """


class WithinMemory(ABC):
    """Encodes as many texts at once as memory allows: where it runs out, half as many from then on."""

    at_once: int | None = None  # None: all that it is given

    def __call__(self, texts: list[str]) -> np.ndarray:
        """Vectors of the texts, as of an Encoder. Raises UserError where not even one text fits."""
        vectors = []
        while texts:
            some = texts[: self.at_once]
            try:
                vectors.append(self.encode(some))
                texts = texts[len(some) :]
                continue
            except memory.ERRORS as error:
                if not memory.ran_out(error):
                    raise
                if len(some) == 1:
                    raise UserError(
                        f"the encoder runs out of memory with one text of {len(some[0])} characters, which begins"
                        f" {some[0][:80]!r}: use a smaller encoder or a larger device."
                    ) from None
                self.at_once = len(some) // 2
            memory.release()
            print(f"out of memory while encoding: going on with {self.at_once} texts at once", file=sys.stderr)
        return np.concatenate(vectors)

    @abstractmethod
    def encode(self, texts: list[str]) -> np.ndarray:
        """Vectors of the texts in one forward pass."""


class SentenceEncoder(WithinMemory):
    """Any sentence-transformers model."""

    def __init__(self, folder: Path, device: str):
        from sentence_transformers import SentenceTransformer  # starts slowly, and only this encoder needs it

        self.batch_bytes = BATCH_BYTES[device]
        options = {"use_safetensors": True, "dtype": torch.float32}
        self.model = SentenceTransformer(str(folder), device=device, model_kwargs=options, **SAFE)
        self.dimension = self.model.get_embedding_dimension()

    def encode(self, texts: list[str]) -> np.ndarray:
        """As `WithinMemory.encode`."""
        return self.model.encode(
            texts, batch_size=len(texts), normalize_embeddings=True, show_progress_bar=False
        ).astype(np.float32, copy=False)


class CausalEncoder(WithinMemory):
    """A causal language model's vector of the last token in the last layer, after its final norm.

    An empty text is encoded as the token that begins (or else ends) texts.
    """

    def __init__(self, folder: Path, device: str):
        from transformers import AutoModel, AutoTokenizer

        self.batch_bytes = BATCH_BYTES[device]
        self.tokenizer = AutoTokenizer.from_pretrained(folder, **SAFE)
        self.model = AutoModel.from_pretrained(folder, use_safetensors=True, dtype=torch.float32, **SAFE)
        self.model.to(device).eval()
        self.positions = architectures.positions(self.model.config.to_dict())
        self.dimension = self._hidden([[0]]).shape[-1]

    def encode(self, texts: list[str]) -> np.ndarray:
        """As `WithinMemory.encode`."""
        first = self.tokenizer.bos_token_id
        nothing = [first if first is not None else self.tokenizer.eos_token_id]
        tokens = self.tokenizer(texts, split_special_tokens=True, verbose=False)["input_ids"]
        rows = [(ids or nothing)[: self.positions] for ids in tokens]
        hidden = self._hidden(rows)
        last = torch.stack([hidden[row, len(ids) - 1] for row, ids in enumerate(rows)])
        return torch.nn.functional.normalize(last, dim=1).cpu().numpy()

    @torch.inference_mode()
    def _hidden(self, rows: list[list[int]]) -> torch.Tensor:
        """The last layer's vectors of rows of tokens, padded on the right, [rows, longest, dimension]."""
        longest = max(map(len, rows))
        device = self.model.device
        ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows], device=device)
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=device)
        return self.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state


def load(folder: Path, threads: int = 1) -> Encoder:
    """The encoder in a folder: a sentence encoder where there is a modules.json, else a causal language model."""
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder} holds no encoder (config.json is missing): fetch it again.")
    layout.verify(folder)
    logging.disable_progress_bar()  # of loading the weights: it would only litter the log
    torch.set_num_threads(threads)
    kind = SentenceEncoder if (folder / "modules.json").is_file() else CausalEncoder
    try:
        return kind(folder, "cuda" if torch.cuda.is_available() else "cpu")
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(f"{folder}: cannot load the encoder ({error}). Delete the folder to fetch it again.") from None


def revision(folder: Path) -> str:
    """What identifies the weights: the source's own revision, else a checksum over the checksums of all files."""
    provenance = files.read_json(folder / "provenance.json")
    listed = json.dumps(provenance["files"], sort_keys=True).encode()
    return provenance["revision"] or "sha256:" + hashlib.sha256(listed).hexdigest()
