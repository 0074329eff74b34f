"""BERTScore in a small random encoder: the formula of its paper, token by token."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scored import record_of

from softshot.errors import UserError
from softshot.scoring import registry, score

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "river", "runs", "north", "of", "town", "."]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Path:
    """A random BERT of three layers whose words are those above."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("models") / "encoder"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2}
    config = BertConfig(vocab_size=len(WORDS), max_position_embeddings=16, initializer_range=0.4, **sizes)
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def metric(encoder):
    return registry.metric("bert_score", encoder=encoder)


def by_hand(encoder: Path, one: str, other: str) -> list[float]:
    """Precision, recall and F1 of two texts of known words, each alone in the model."""
    from transformers import BertModel

    model = BertModel.from_pretrained(encoder).eval()
    vectors = []
    for text in (one, other):
        ids = [WORDS.index(word) for word in ["[CLS]", *text.split(), "[SEP]"]]
        with torch.inference_mode():
            states = model(torch.tensor([ids])).last_hidden_state[0].numpy()
        vectors.append(states / np.linalg.norm(states, axis=1, keepdims=True))
    similarities = vectors[0] @ vectors[1].T
    precision, recall = (similarities.max(axis=axis)[1:-1].mean() for axis in (1, 0))
    return [precision, recall, 2 * precision * recall / (precision + recall)]


def test_statistics_are_those_of_the_formula(metric, encoder):
    pairs = [("the river runs", "the river runs north of town ."), ("town", "river ."), ("of of of", "the north")]
    for one, other in pairs:
        assert metric.statistics(one, record_of([other])) == pytest.approx([*by_hand(encoder, one, other), 1], abs=1e-5)


def test_the_best_reference_counts_and_padding_does_not(metric):
    references = ["river .", "the river runs north of town .", "town"]
    alone = [metric.statistics("the river runs", record_of([text])) for text in references]
    best = [max(column) for column in zip(*alone, strict=True)]
    assert metric.statistics("the river runs", record_of(references)) == pytest.approx(best, abs=1e-5)


def test_equal_texts_score_100_and_empty_ones_0(encoder):
    records = [record_of(["the river runs ."]) for _ in range(2)]
    found, _ = score.score_texts(["bert_score"], records, [" the river runs .", "  "], encoder=encoder)
    assert found["scores"] == {
        name: pytest.approx(50, abs=1e-4) for name in ("bert_score", "bert_score_precision", "bert_score_recall")
    }
    assert found["signatures"]["bert_score"].startswith("encoder:encoder,bert|layer:3|idf:no|rescaled:no|nrefs:best|")


def test_long_texts_are_cut_at_the_window(metric):
    long = "the river runs north of town . " * 10
    assert metric.statistics(long, record_of([long])) == pytest.approx([1, 1, 1, 1], abs=1e-5)


def test_without_an_encoder_the_error_says_where_to_name_one(tmp_path):
    with pytest.raises(UserError, match=r"bert_score needs an encoder: name its folder in scoring\.encoder"):
        registry.metric("bert_score")
    with pytest.raises(UserError, match="it has no config"):
        registry.metric("bert_score", encoder=tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="cannot be read as an encoder"):
        registry.metric("bert_score", encoder=tmp_path)
