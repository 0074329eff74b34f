"""The log-likelihoods of choices that branch from one context are those of each choice alone, and so are gradients."""

import pytest
import torch
from plain import PACKED, PADDED, plain_losses, plain_losses_behind
from test_loss import VISIBLE, assert_gradients_equal, random_prompt, random_states
from tiny import ARCHITECTURES

from softshot import code
from softshot.engine.choices import choice_losses
from softshot.engine.layout import Row
from softshot.engine.passes import Passes
from softshot.engine.prefix import Prefix
from softshot.engine.tree import tree
from softshot.errors import UserError
from softshot.generation import choices
from softshot.generation.choices import log_likelihoods

ROWS = [
    Row("a", [5, 9, 11, 40], choices=((17, 23), (17, 23, 30), (17, 44, 9), (60,))),  # one begins as others do
    Row("b", [7], choices=((60, 61, 62, 63, 64), (3,))),
    Row("c", list(range(30, 50)), choices=((3,), (4,), (5,))),
]


def alone(row):
    """Each choice of a row as a row of its own."""
    return [Row(row.id, row.context, list(choice)) for choice in row.choices]


def check(base, plain, rows):
    ours, theirs = (random_prompt(base).requires_grad_() for _ in range(2))
    losses = choice_losses(base, Prefix(embeddings=ours), rows)
    expected = torch.cat([plain_losses(plain, theirs, one) for row in rows for one in alone(row)])
    for one in (losses, expected):
        one.square().sum().backward()
    torch.testing.assert_close(losses, expected, rtol=1e-5, atol=1e-4)
    assert_gradients_equal([ours.grad], [theirs.grad])


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], ROWS[2:]], ids=["ragged", "one", "of one token"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_losses_and_gradient_are_those_of_each_choice_alone(architecture, name, rows):
    check(*architecture(name), rows)


@pytest.mark.parametrize("name", [*PACKED[len(ARCHITECTURES) :], *PADDED])
def test_so_they_are_in_other_architectures(architecture, name):
    check(*architecture(name), ROWS)


@pytest.mark.parametrize("name", ["gpt2", "bloom", "llama", "granite"])
def test_so_they_are_behind_keys_and_values_some_of_which_are_hidden(architecture, name):
    base, plain = architecture(name)
    states = random_states(base)
    losses = choice_losses(base, Prefix(states=states), ROWS, VISIBLE)
    rows = [(one, seen) for row, seen in zip(ROWS, VISIBLE, strict=True) for one in alone(row)]
    expected = torch.cat([plain_losses_behind(plain, states, one, seen) for one, seen in rows])
    torch.testing.assert_close(losses, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", [*ARCHITECTURES, "granite"])
@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_log_likelihoods_are_sums_whatever_the_batch_and_what_rows_share(architecture, name, batch_size):
    base, plain = architecture(name)
    rows = [Row(row.id, [70, 71, 72, *row.context], choices=row.choices) for row in ROWS]
    for prefix in (None, Prefix(embeddings=random_prompt(base))):
        prompt = torch.zeros(0, base.embedding_size) if prefix is None else prefix.embeddings
        found = {row.id: sums for row, sums in log_likelihoods(base, prefix, rows, batch_size)}
        for row in rows:
            expected = [-float(plain_losses(plain, prompt, one).sum()) for one in alone(row)]
            assert found[row.id] == pytest.approx(expected, abs=1e-4)


def test_a_tree_has_what_choices_begin_with_once():
    branches = tree(ROWS[0].choices)
    assert branches.tokens == [17, 23, 44], "of each choice all tokens but the last are read"
    assert branches.depths == [1, 2, 2]
    assert branches.ancestors.tolist() == [[True, False, False], [True, True, False], [True, False, True]]
    assert list(zip(branches.nodes, branches.labels, strict=True)) == [
        (0, 17),
        (1, 23),
        (2, 30),
        (1, 44),
        (3, 9),
        (0, 60),
    ]
    assert branches.paths == [0, 1, 0, 1, 2, 0, 3, 4, 5]


def test_what_is_counted_is_what_is_read():
    passes = Passes()
    passes.add_choices(None, ROWS[0])
    assert (passes.read, passes.attended, passes.predicted) == (4 + 3, 10 + 5 + 6 + 6, 1 + 3)


def test_where_memory_ends_the_batch_is_halved_and_one_row_that_does_not_fit_is_told(architecture, monkeypatch, capsys):
    base, _ = architecture("llama")
    expected = {row.id: sums for row, sums in log_likelihoods(base, None, ROWS, 3)}

    def short(room):
        def losses(base, prefix, rows, visible=None):
            if len(rows) > room:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return choice_losses(base, prefix, rows, visible)

        return losses

    monkeypatch.setattr(choices, "choice_losses", short(1))
    found = {row.id: sums for row, sums in log_likelihoods(base, None, ROWS, 3)}
    assert all(found[id] == pytest.approx(sums, abs=1e-4) for id, sums in expected.items())
    assert "going on with batches of 1 rows" in capsys.readouterr().err
    monkeypatch.setattr(choices, "choice_losses", short(0))
    with pytest.raises(UserError, match="not even one row and its choices fit into memory"):
        list(log_likelihoods(base, None, ROWS, 3))


def test_how_outputs_are_decoded_decides_no_adapter():
    assert "engine/choices" in code.modules("tuning/__main__")
    assert "engine/decoding" not in code.modules("tuning/__main__")
