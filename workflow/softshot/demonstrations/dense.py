"""Nearest by the vectors of an encoder."""

import argparse
from collections.abc import Iterator

import faiss
import numpy as np

from softshot.demonstrations import approximate, embeddings
from softshot.demonstrations.embeddings import Vectors
from softshot.demonstrations.exclusion import Exclusion
from softshot.demonstrations.nearest import Nearest
from softshot.demonstrations.ranking import SearchSettings
from softshot.demonstrations.table import Row
from softshot.errors import UserError

BLOCK = 2048  # records searched together


def build(args: argparse.Namespace, settings: SearchSettings, train: list[dict]) -> tuple["Dense", dict[str, str]]:
    """The retriever of these settings over the command line's vectors, and their encoder for its table."""
    return over_vectors(args, settings, train, settings.neighbours)


def over_vectors(
    args: argparse.Namespace, settings: SearchSettings, train: list[dict], neighbours: int
) -> tuple["Dense", dict[str, str]]:
    """The retriever of so many neighbours; vectors of other records, or of two encoders, are refused."""
    if args.index is None or args.queries is None:
        raise UserError(f"{settings.kind} demonstrations need the vectors of both files: --index and --queries.")
    if args.whole is None:
        index, queries = embeddings.load(args.index, args.train), embeddings.load(args.queries, args.records)
    else:
        index = embeddings.load_part(args.index, args.train, args.whole)
        own = args.records == args.train  # neighbours of the training records themselves
        queries = index if own else embeddings.load(args.queries, args.records)
    embeddings.same_encoder(args.index, index.origin, args.queries, queries.origin)
    if settings.encoder not in (None, index.origin.encoder):
        raise UserError(f"{args.index} comes from the encoder {index.origin.encoder}, not from {settings.encoder}.")
    retriever = Dense(train, index.vectors, queries.vectors, neighbours, args.threads, settings.approximate_from)
    return retriever, {"encoder": index.origin.encoder, "encoder_revision": index.origin.revision}


class Dense:
    """Training records with the highest inner product of normalised vectors (cosine similarity).

    `train_vectors` [train, dimension] and `record_vectors` [records, dimension] are float32 and normalised, in the
    order of the training records and of the records that `search` will be asked for. From `approximate_from`
    training records on an approximate index proposes; else the search is exact, and its result depends neither on
    the order of the records nor on block sizes and `threads`.
    """

    def __init__(
        self,
        train: list[dict],
        train_vectors: Vectors | np.ndarray,
        record_vectors: Vectors | np.ndarray,
        neighbours: int,
        threads: int = 1,
        approximate_from: int | None = None,
    ):
        faiss.omp_set_num_threads(threads)
        self.ids = [record["id"] for record in train]
        self.ranks = np.empty(len(train), np.int64)
        self.ranks[sorted(range(len(train)), key=self.ids.__getitem__)] = np.arange(len(train))
        self.exclusion = Exclusion(train)
        self.train_vectors = train_vectors
        self.record_vectors = record_vectors
        self.neighbours = neighbours
        self.index, self.metadata = None, {"index": "exact"}
        if approximate_from is not None and len(train) >= approximate_from:
            sample = approximate.sample(len(train))
            excluded = [self.exclusion.of(train[position]) for position in sample]
            queries = Nearest(train_vectors[sample], excluded, self.ranks, neighbours)
            self.index, self.metadata = approximate.fit(train_vectors, queries)

    def search(self, records: list[dict]) -> Iterator[Row]:
        """See ranking.Retriever."""
        for block, nearest in self.blocks(records):
            for record, scores, positions, excluded in zip(
                block, nearest.scores, nearest.positions, nearest.excluded, strict=True
            ):
                found = positions >= 0
                ids = [self.ids[position] for position in positions[found]]
                yield Row(record["id"], ids, scores[found].tolist(), len(excluded))

    def blocks(self, records: list[dict]) -> Iterator[tuple[list[dict], Nearest]]:
        """The records block by block, with the nearest training records of each block."""
        for start in range(0, len(records), BLOCK):
            block = records[start : start + BLOCK]
            excluded = [self.exclusion.of(record) for record in block]
            nearest = Nearest(self.record_vectors[start : start + BLOCK], excluded, self.ranks, self.neighbours)
            if self.index is None:
                yield block, nearest.search(self.train_vectors)
            else:
                yield block, approximate.search(self.index, self.train_vectors, nearest)
