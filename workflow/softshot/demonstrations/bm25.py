"""BM25 over the inputs' words, with bm25s (Lucene's variant, k1 = 1.5, b = 0.75), in float64."""

import argparse
import re
import unicodedata
from collections.abc import Iterator

import bm25s
import numpy as np

from softshot.demonstrations.exclusion import Exclusion
from softshot.demonstrations.ranking import DECIMALS, SearchSettings, best, by_id
from softshot.demonstrations.table import Row

# Scripts that put no blanks between words: Thai, Lao, Myanmar, Khmer, kana, Chinese characters.
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
# Vowel signs and accents, which continue a word of Devanagari, Arabic and others; `\w` leaves them out.
MARKS = "".join(sign for sign in map(chr, range(0x300, 0x10000)) if unicodedata.category(sign) in ("Mn", "Mc"))
WORD = re.compile(rf"[{UNSPACED}]|(?:[^\W{UNSPACED}]|[{MARKS}])+")


def build(args: argparse.Namespace, settings: SearchSettings, train: list[dict]) -> tuple["Bm25", dict[str, str]]:
    """The retriever of these settings; its table says nothing more of its making."""
    return Bm25(train, settings.neighbours), {}


class Bm25:
    """Training records that share words with a record's input, above all rare ones.

    The score is the sum over the input's words, a repeated word as often as it stands there. A record that shares
    no word with any training record gets those with the lowest ids, at score 0.
    """

    def __init__(self, train: list[dict], neighbours: int):
        train = by_id(train)
        self.ids = [record["id"] for record in train]
        self.exclusion = Exclusion(train)
        self.neighbours = neighbours
        self.metadata = {}
        self.vocabulary: dict[str, int] = {}
        documents = [
            [self.vocabulary.setdefault(word, len(self.vocabulary)) for word in words(record["input"])]
            for record in train
        ]
        self.index = bm25s.BM25(dtype="float64")
        if self.vocabulary:
            self.index.index((documents, self.vocabulary), create_empty_token=False, show_progress=False)

    def search(self, records: list[dict]) -> Iterator[Row]:
        """See ranking.Retriever."""
        for record in records:
            scores, excluded = self.scores(record["input"]), self.exclusion.of(record)
            chosen = best(scores, excluded, self.neighbours)
            ids = [self.ids[position] for position in chosen]
            yield Row(record["id"], ids, scores[chosen].tolist(), len(excluded))

    def scores(self, text: str) -> np.ndarray:
        """The score of every training record, [train], rounded."""
        known = [self.vocabulary[word] for word in words(text) if word in self.vocabulary]
        if not known:
            return np.zeros(len(self.ids))
        return self.index.get_scores_from_ids(known).round(DECIMALS)


def words(text: str) -> list[str]:
    """The text's words in lower case; of scripts without blanks between words every character is one.

    No word is left out as too common and none is cut to its stem: BM25 weighs common words down, and both would
    know one language only.
    """
    return WORD.findall(text.lower())
