"""Nearest by target: an upper bound of retrieval, since no real system knows the target."""

import argparse
from collections import Counter
from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array

from softshot.demonstrations.exclusion import Exclusion
from softshot.demonstrations.ranking import DECIMALS, SearchSettings, best, by_id
from softshot.demonstrations.table import Row

BLOCK = 2**22  # scores held at once


def build(args: argparse.Namespace, settings: SearchSettings, train: list[dict]) -> tuple["Oracle", dict[str, str]]:
    """The retriever of these settings; its table says nothing more of its making."""
    return Oracle(train, settings.neighbours), {}


class Oracle:
    """Training records whose target is the record's target, then those by token F1 of the targets.

    Tokens are what white space separates, and a target is a bag of them. The i-th occurrence of a token is a
    column of its own, so that the product of two binary rows counts what two bags share.
    """

    def __init__(self, train: list[dict], neighbours: int):
        train = by_id(train)
        self.ids = [record["id"] for record in train]
        self.exclusion = Exclusion(train)
        self.neighbours = neighbours
        self.metadata = {"upper_bound": "it knows the target"}
        self.columns: dict[tuple[str, int], int] = {}
        bags = [occurrences(record["target"]) for record in train]
        for bag in bags:
            for occurrence in bag:
                self.columns.setdefault(occurrence, len(self.columns))
        self.lengths = np.array([len(bag) for bag in bags])
        self.bags = self._matrix(bags).T.tocsr()  # [columns, train]
        self.texts: dict[str, list[int]] = {}
        for position, record in enumerate(train):
            self.texts.setdefault(record["target"], []).append(position)

    def search(self, records: list[dict]) -> Iterator[Row]:
        """See ranking.Retriever."""
        step = max(1, BLOCK // len(self.ids))
        for start in range(0, len(records), step):
            block = records[start : start + step]
            for record, scores in zip(block, self.f1([record["target"] for record in block]), strict=True):
                equal, excluded = self.texts.get(record["target"], []), self.exclusion.of(record)
                scores[equal] = 2  # before those with the same tokens in another order
                chosen = best(scores, excluded, self.neighbours)
                ids = [self.ids[position] for position in chosen]
                yield Row(record["id"], ids, scores[chosen].clip(max=1).tolist(), len(excluded))

    def f1(self, targets: list[str]) -> np.ndarray:
        """Token F1 of every target with every training record's, [targets, train], rounded."""
        bags = [occurrences(target) for target in targets]
        shared = (self._matrix(bags) @ self.bags).toarray()
        lengths = np.array([len(bag) for bag in bags])[:, None] + self.lengths
        return np.divide(2 * shared, lengths, out=np.zeros(shared.shape), where=lengths > 0).round(DECIMALS)

    def _matrix(self, bags: list[list[tuple[str, int]]]) -> csr_array:
        """[bags, columns], binary; tokens that no training record has are left out."""
        known = [[self.columns[occurrence] for occurrence in bag if occurrence in self.columns] for bag in bags]
        ends = np.cumsum([0, *map(len, known)])
        columns = np.fromiter((column for row in known for column in row), np.int32, ends[-1])
        return csr_array((np.ones(len(columns), np.int32), columns, ends), shape=(len(bags), len(self.columns)))


def occurrences(target: str) -> list[tuple[str, int]]:
    """The target's tokens, each with the number of times it has come before."""
    seen: Counter[str] = Counter()
    found = []
    for token in target.split():
        found.append((token, seen[token]))
        seen[token] += 1
    return found
