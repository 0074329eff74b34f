"""What a soft prompt has learned: the vocabulary entries that lie nearest to each of its vectors.

By cosine, as in the section on interpretability of Lester et al. 2021, "The Power of Scale for Parameter-Efficient
Prompt Tuning".
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from softshot.engine.base import Base
from softshot.files import replacing

NEAREST = 5  # as many as Lester et al. look at
NAMED = 3  # first positions whose nearest token is named in the summary
BLOCK = 2**14  # vocabulary entries held in float32 at once: 100 MB at a width of 1,536
COLUMNS = ("position", "norm", "rank", "id", "token", "cosine", "distance")


@dataclass(frozen=True)
class Nearest:
    """The nearest vocabulary entries of each of T vectors, by falling cosine.

    `ids`, `cosines` and `distances` (Euclidean) are [T, NEAREST]; `vocabulary_norm` is the mean over the vocabulary.
    """

    ids: Tensor
    cosines: Tensor
    distances: Tensor
    vocabulary_norm: float


def nearest(prompt: Tensor, embed: Callable[[Tensor], Tensor], entries: Tensor) -> Nearest:
    """The vocabulary entries (ids, [V]) nearest to each vector of `prompt` [T, E], in float32.

    `embed` gives the embeddings [..., E] of ids, as the model sees them; they are taken block by block. A zero vector
    has cosine 0 with every other.
    """
    unit = normalize(prompt.float(), dim=-1)
    cosines = unit.new_empty(len(unit), 0)
    ids = entries.new_empty(len(unit), 0)
    norms = 0.0
    for block in entries.split(BLOCK):
        rows = embed(block).float()
        norms += rows.norm(dim=-1).double().sum().item()
        best, places = (unit @ normalize(rows, dim=-1).T).topk(min(NEAREST, len(block)), dim=-1)
        cosines, ids = torch.cat([cosines, best], dim=-1), torch.cat([ids, block[places]], dim=-1)
        cosines, places = cosines.topk(min(NEAREST, cosines.shape[1]), dim=-1)
        ids = ids.gather(-1, places)
    distances = (embed(ids).float() - prompt.float()[:, None]).norm(dim=-1)
    return Nearest(ids, cosines, distances, norms / len(entries))


def describe(prompt: Tensor, initial: Tensor, base: Base, out: Path) -> dict[str, Any]:
    """Write `prompt.tsv`, a row per vector of `prompt` [T, E] and rank; return its summary for `tuning.json`.

    `initial` [T, E] is the prompt before its tuning.
    """
    # Some models have more embeddings than tokens: rows that were added to make the matrix a handy size.
    size = base.model.get_input_embeddings().num_embeddings
    pieces = base.tokenizer.convert_ids_to_tokens(range(min(len(base.tokenizer), size)))
    ids = [id for id, piece in enumerate(pieces) if piece is not None]
    prompt, initial = prompt.to(base.device).float(), initial.to(base.device).float()
    neighbours = nearest(prompt, base.embed, torch.tensor(ids, device=base.device))
    norms = prompt.norm(dim=-1)
    columns = (neighbours.ids, neighbours.cosines, neighbours.distances)
    table = zip(norms.tolist(), *(column.tolist() for column in columns), strict=True)
    with replacing(out) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(COLUMNS)
        for position, (norm, *columns) in enumerate(table):
            for rank, (id, cosine, distance) in enumerate(zip(*columns, strict=True), 1):
                numbers = [f"{cosine:.6f}", f"{distance:.6g}"]
                writer.writerow([position, f"{norm:.6g}", rank, id, token_text(base, id), *numbers])
    return {
        "mean_norm": norms.mean().item(),
        "vocabulary_mean_norm": neighbours.vocabulary_norm,
        "mean_cosine": neighbours.cosines[:, 0].mean().item(),
        "mean_distance": neighbours.distances[:, 0].mean().item(),
        "distinct_nearest_tokens": len(set(neighbours.ids[:, 0].tolist())),
        "mean_distance_from_start": (prompt - initial).norm(dim=-1).mean().item(),
        "nearest": [
            [token_text(base, id), cosine]
            for id, cosine in zip(
                neighbours.ids[:NAMED, 0].tolist(), neighbours.cosines[:NAMED, 0].tolist(), strict=True
            )
        ],
    }


def token_text(base: Base, id: int) -> str:
    """The text of a token on one line; a token that is part of a character, or none, as the tokenizer stores it."""
    piece = base.tokenizer.convert_ids_to_tokens(id)
    if "▁" in piece:  # SentencePiece's blank, which decoding takes away from a first token
        return escaped(piece.replace("▁", " "))
    text = base.tokenizer.decode([id], clean_up_tokenization_spaces=False)
    return escaped(piece if "\ufffd" in text or not text else text)


def escaped(text: str) -> str:
    """The text with line feeds, tabs, backslashes and all else that is not printable as escape sequences."""
    return "".join(
        sign if sign.isprintable() and sign != "\\" else sign.encode("unicode_escape").decode() for sign in text
    )
