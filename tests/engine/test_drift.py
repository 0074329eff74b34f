"""What was forgotten: the loss on the neutral text is transformers' own, and its start is the bare model's."""

import pytest
import torch
from plain import load_plain, plain_losses
from tiny import ROOT

from softshot.engine.base import load
from softshot.engine.layout import Row
from softshot.engine.prefix import Prefix
from softshot.generation import drift
from softshot.generation.drift import Drift, losses, neutral_rows

TEXTS = ["The quick brown fox jumps.", "Play some music by the river; remind me tomorrow.", "the lazy dog", "over 012"]
TEXTS += ["What is the capital of France", "an alarm for seven"]


@pytest.fixture(autouse=True)
def short_text(tmp_path, monkeypatch):
    """Paragraphs of very different lengths, in more than one batch, in the place of the text."""
    (tmp_path / "neutral.txt").write_text("\n".join(TEXTS) + "\n")
    monkeypatch.setattr(drift, "TEXT", tmp_path / "neutral.txt")
    monkeypatch.setattr(neutral_rows, "__defaults__", (tmp_path / "neutral.txt",))


def prompt_of(base):
    return torch.randn(4, base.embedding_size, generator=torch.Generator().manual_seed(1))


def test_the_bare_models_loss_is_the_one_transformers_gives_each_paragraph(base, tiny_models):
    """With its labels, which it shifts itself: the first token is not scored, and no padding is."""
    name = base.model.config.model_type
    plain, found = load_plain(tiny_models[name]), losses(base, None, neutral_rows(base, 10**6, 768))
    for text, loss in zip(TEXTS, found, strict=True):
        ids = torch.tensor([base.tokenizer.encode(text, add_special_tokens=False)])
        expected = plain(input_ids=ids, labels=ids).loss * (ids.shape[1] - 1)
        assert loss == pytest.approx(expected.item(), rel=1e-5)


def test_a_paragraph_has_the_tokenizers_own_beginning_unless_the_prefix_has_it(tiny_models):
    """The same tokens are scored either way."""
    base = load(tiny_models["opt"])
    base.tokenization.start = [1]
    ids = [base.tokenizer.encode(text, add_special_tokens=False) for text in TEXTS]
    rows = neutral_rows(base, 10**6, 768)
    assert [row.context for row in rows] == [[1, own[0]] for own in ids]
    assert [row.target for row in rows] == [own[1:] for own in ids]
    prefix = Prefix(embeddings=prompt_of(base))
    expected = [sum(losses(base, prefix, [Row("", own[:1], own[1:]) for own in ids])), sum(losses(base, prefix, rows))]
    found = [Drift(base, 10**6, 768).facts(prefix, begun) for begun in (True, False)]
    assert [facts["after"] * facts["tokens"] for facts in found] == pytest.approx(expected)
    assert expected[0] != expected[1]


def test_behind_a_prefix_it_is_the_loss_of_the_whole(base, tiny_models):
    plain, rows = load_plain(tiny_models[base.model.config.model_type]), neutral_rows(base, 10**6, 768)
    found = losses(base, Prefix(embeddings=prompt_of(base)), rows)
    expected = [plain_losses(plain, prompt_of(base), row).sum().item() for row in rows]
    assert found == pytest.approx(expected, rel=1e-5)


def test_the_loss_before_is_the_bare_models_and_not_that_behind_an_untrained_prompt(tiny_models):
    base = load(tiny_models["llama"])
    forgotten, bare = Drift(base, 10**6, 768), losses(base, None, neutral_rows(base, 10**6, 768))
    facts = forgotten.facts(Prefix(embeddings=10 * prompt_of(base)))
    assert facts["before"] * facts["tokens"] == pytest.approx(sum(bare))
    assert abs(facts["after"] - facts["before"]) > 0.1
    assert facts["standard_error"] > 0
    unchanged = forgotten.facts(None)
    assert (unchanged["after"], unchanged["standard_error"]) == (unchanged["before"], 0)


@pytest.mark.parametrize("tokens", [0, 1, 7, 30])
def test_it_takes_as_many_tokens_as_it_is_given(tiny_models, tokens):
    base = load(tiny_models["gpt2"])
    facts = Drift(base, tokens, 768).facts(None)
    assert (facts and facts["tokens"]) == (tokens or None)
    assert max(map(len, neutral_rows(base, 1000, 6))) == 6, "no paragraph is longer than a row may be"


def test_the_text_is_what_its_page_says():
    paragraphs = (ROOT / "resources/neutral.txt").read_text(encoding="utf-8").splitlines()
    page = (ROOT / "resources/neutral.md").read_text(encoding="utf-8")
    counts = [int(line.split("|")[2]) for line in page.splitlines() if "github.com/" in line]
    assert len(paragraphs) == len(set(paragraphs)) == sum(counts) == 100
    assert all(55 <= len(paragraph.split()) <= 105 for paragraph in paragraphs)
