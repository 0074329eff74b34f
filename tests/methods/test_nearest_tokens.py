"""What a prompt learned: the nearest vocabulary entries, against a plain computation, and the table of them."""

import csv

import pytest
import torch

from softshot.engine.base import Base, load
from softshot.methods import nearest_tokens
from softshot.methods.nearest_tokens import describe, escaped, nearest, token_text


def plainly(prompt, embeddings, entries):
    """Per vector (id, cosine, distance) of the five nearest entries entries, in float64."""
    prompt, embeddings = prompt.double(), embeddings.double()
    rows = []
    for vector in prompt:
        scored = [(torch.cosine_similarity(vector, embeddings[i], dim=0).item(), i) for i in entries.tolist()]
        best = sorted(scored, reverse=True)[:5]
        rows.append([(i, cosine, (vector - embeddings[i]).norm().item()) for cosine, i in best])
    return rows


@pytest.mark.parametrize("block", [3, 40, 10_000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_nearest_are_those_of_a_plain_computation_for_any_block(monkeypatch, block, dtype):
    monkeypatch.setattr(nearest_tokens, "BLOCK", block)
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(100, 8, generator=generator).to(dtype)
    prompt, entries = torch.randn(7, 8, generator=generator), torch.arange(90)[torch.arange(90) != 13]
    neighbours = nearest(prompt, lambda ids: embeddings[ids].float(), entries)
    for place, row in enumerate(plainly(prompt, embeddings, entries)):
        ids, cosines, distances = zip(*row, strict=True)
        assert neighbours.ids[place].tolist() == list(ids)
        assert neighbours.cosines[place].tolist() == pytest.approx(cosines, abs=1e-6)
        assert neighbours.distances[place].tolist() == pytest.approx(distances, rel=1e-5)
    assert neighbours.vocabulary_norm == pytest.approx(
        embeddings[entries].double().norm(dim=-1).mean().item(), rel=1e-6
    )


def test_few_entries_and_zero_vectors_are_no_error():
    embeddings = torch.tensor([[0.0, 0.0], [3.0, 4.0], [1.0, 0.0]])
    neighbours = nearest(torch.tensor([[0.0, 0.0], [6.0, 8.0]]), lambda ids: embeddings[ids], torch.arange(3))
    assert neighbours.cosines[0].tolist() == [0, 0, 0]
    assert neighbours.ids[1].tolist() == [1, 2, 0]
    assert (neighbours.distances[1, 0].item(), neighbours.vocabulary_norm) == (5, 2)


def test_the_table_and_its_summary(base: Base, tmp_path):
    embeddings = base.model.get_input_embeddings().weight.float()
    initial = embeddings[[20, 30, 40]]  # as wide as the embeddings, also where those are projected
    prompt = 2 * initial
    summary = describe(prompt, initial, base, tmp_path / "prompt.tsv")
    with (tmp_path / "prompt.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [(row["position"], row["rank"]) for row in rows] == [(str(p), str(r)) for p in range(3) for r in range(1, 6)]
    first = rows[::5]
    assert [row["id"] for row in first] == ["20", "30", "40"]
    assert [row["token"] for row in first] == [token_text(base, id) for id in (20, 30, 40)]
    assert all(float(row["cosine"]) == pytest.approx(1) for row in first)
    norms = initial.norm(dim=-1).tolist()
    assert [float(row["norm"]) for row in first] == pytest.approx([2 * norm for norm in norms], rel=1e-5)
    assert [float(row["distance"]) for row in first] == pytest.approx(norms, rel=1e-5)
    mean = sum(norms) / 3
    assert summary.pop("nearest") == [[row["token"], pytest.approx(1)] for row in first]
    assert summary == {
        "mean_norm": pytest.approx(2 * mean),
        "vocabulary_mean_norm": pytest.approx(embeddings.norm(dim=-1).mean().item()),
        "mean_cosine": pytest.approx(1),
        "mean_distance": pytest.approx(mean),
        "distinct_nearest_tokens": 3,
        "mean_distance_from_start": pytest.approx(mean),
    }


def test_rows_that_no_token_has_are_never_nearest(tiny_models, tmp_path):
    base = load(tiny_models["gpt2"])
    size = len(base.tokenizer)
    base.model.resize_token_embeddings(size + 30)
    embeddings = base.model.get_input_embeddings().weight.detach()
    describe(embeddings[size:], embeddings[size:], base, tmp_path / "prompt.tsv")
    with (tmp_path / "prompt.tsv").open(encoding="utf-8", newline="") as file:
        assert all(int(row["id"]) < size for row in csv.DictReader(file, delimiter="\t"))


def test_every_token_of_the_vocabulary_stands_on_one_line_and_comes_back(base: Base, tmp_path):
    ids = torch.arange(len(base.tokenizer))
    prompt = base.model.get_input_embeddings().weight[ids].detach()
    describe(prompt, prompt, base, tmp_path / "prompt.tsv")
    text = (tmp_path / "prompt.tsv").read_text(encoding="utf-8")
    assert len(text.splitlines()) == 1 + 5 * len(ids)
    rows = list(csv.DictReader(text.splitlines(), delimiter="\t"))
    assert all(row["token"] == token_text(base, int(row["id"])) for row in rows)
    assert {'"', "\\n", " the", "<s>"} & {row["token"] for row in rows} >= {'"', "\\n", "<s>"}


def test_what_would_break_a_line_is_escaped():
    assert escaped('a b\tc\nd\re\\f"g\x00\x85\u2028\xa0é東') == r'a b\tc\nd\re\\f"g\x00\x85\u2028\xa0é東'
