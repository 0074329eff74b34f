"""Losses over choices: by hand, beside T-Few's own code, and in a training step of any method however it is cut."""

import math

import pytest
import torch
from plain import plain_losses
from test_choices import ROWS, alone, random_prompt
from torch.nn.functional import cross_entropy

from softshot.engine.layout import Row
from softshot.engine.prefix import Prefix
from softshot.methods.registry import METHODS
from softshot.settings import TuningSettings
from softshot.tuning.objective import Objective, compared
from softshot.tuning.optimiser import optimiser
from softshot.tuning.train import Trainer

ALL = ["likelihood", "unlikelihood", "length-normalised"]
TRAINING = [
    Row(row.id, row.context, list(row.choices[right]), 0, row.choices)
    for row, right in zip(ROWS, (2, 0, 1), strict=True)
]


def test_each_part_by_hand():
    rows = [Row("a", [1], [5, 6], 0, ((5, 6), (7,))), Row("b", [1], [8], 0, ((9,), (8,), (10, 11)))]
    losses = torch.tensor([1.0, 2.0, 0.5, 3.0, 0.25, 1.0, 4.0])
    assert compared("likelihood", losses, rows) == pytest.approx(1.0 + 2.0 + 0.25)
    wrong = [0.5, 3.0, 1.0, 4.0]
    expected = -sum(math.log(1 - math.exp(-loss) + 0.01) for loss in wrong)
    assert compared("unlikelihood", losses, rows) == pytest.approx(expected)
    first = -math.log(math.exp(-1.5) / (math.exp(-1.5) + math.exp(-0.5)))
    second = -math.log(math.exp(-0.25) / (math.exp(-3.0) + math.exp(-0.25) + math.exp(-2.5)))
    assert compared("length-normalised", losses, rows) == pytest.approx(first + second)
    assert Objective(ALL).counts(rows) == [3, 4, 2]


def t_few(logits, targets, labels):
    """The sum of the three losses as the authors' code has it (r-three/t-few, EncoderDecoder.training_step).

    `logits` [B, C, N, V], `targets` [B, C, N] with -100 after a choice's end. Where the code's sum also counts what is
    masked, at log(1 + 0.01) each, that constant is taken out.
    """
    size, choices, length, _ = logits.shape
    nll = cross_entropy(logits.flatten(0, 2), targets.flatten(), reduction="none").view(size, choices, length)
    of_targets = targets >= 0
    rows = range(size)
    lm_loss = cross_entropy(logits[rows, labels].flatten(0, 1), targets[rows, labels].flatten())
    scores = nll.sum(-1) / of_targets.sum(-1)
    mc_loss = cross_entropy(-scores, torch.tensor(labels))
    candidates = -nll + (targets < 0) * -100
    candidates[rows, labels] = -100
    masked = (candidates == -100).sum()
    sum_of_all = -torch.log(1 - torch.exp(candidates) + 1e-2).sum()
    unlikely_loss = (sum_of_all + masked * math.log(1 + 1e-2)) / (candidates != -100).sum()
    return lm_loss, unlikely_loss, mc_loss


def test_the_parts_are_those_of_the_authors_code():
    generator = torch.Generator().manual_seed(0)
    lengths, labels, vocabulary = [[2, 1, 3], [1, 2, 2]], [0, 2], 11
    logits = torch.randn(2, 3, 3, vocabulary, generator=generator, dtype=torch.float64)
    targets = torch.randint(vocabulary, (2, 3, 3), generator=generator)
    for b, of_record in enumerate(lengths):
        for c, length in enumerate(of_record):
            targets[b, c, length:] = -100
    choices = [tuple(tuple(one[one >= 0].tolist()) for one in of_record) for of_record in targets]
    rows = [Row(str(b), [1], list(choices[b][label]), 0, choices[b]) for b, label in enumerate(labels)]
    losses = cross_entropy(logits.flatten(0, 2), targets.flatten(), reduction="none")[targets.flatten() >= 0]
    counts = Objective(ALL).counts(rows)
    found = [compared(part, losses, rows) / count for part, count in zip(ALL, counts, strict=True)]
    for one, other in zip(found, t_few(logits, targets, labels), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("name", ["gpt2", "llama", "granite"])
def test_they_are_taken_of_the_models_own_numbers(architecture, name):
    base, plain = architecture(name)
    prompt = random_prompt(base)
    found = Objective(ALL).sums(base, Prefix(embeddings=prompt), TRAINING, None)
    losses = torch.cat([plain_losses(plain, prompt, one) for row in TRAINING for one in alone(row)])
    expected = torch.stack([compared(part, losses, TRAINING) for part in ALL])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    likelihood = Objective(["likelihood"]).sums(base, Prefix(embeddings=prompt), TRAINING, None)
    torch.testing.assert_close(likelihood, expected[:1], rtol=1e-4, atol=1e-4)


def trained(folder, method, steps=3, max_tokens=None, stop=None):
    """A run of a method by T-Few's losses; `stop`: it is killed after so many steps, and continued."""
    from softshot.engine.base import load

    kind, size = METHODS[method], 3 if METHODS[method].unit else 0

    def begin():
        base = load(folder, frozen=not kind.trains_weights)
        adapter = kind.load().new(base, size, kind.settings(), Examples(), 1)
        loop = TuningSettings(loss=ALL, optimiser="adafactor", batch_size=3, steps=steps, warmup=0.0, clip=1e9)
        return Trainer(base, adapter, loop, 0.01, TRAINING, TRAINING, 1, max_tokens)

    trainer = begin()
    if stop:
        trainer.run(lambda: trainer.progress.step == stop, lambda: None, 1e9)
        state, trainer = trainer.state(), begin()
        trainer.resume(state)
    trainer.run(lambda: False, lambda: None, 1e9)
    return trainer


class Examples(list):
    """Training records as token ids, for methods that begin with them."""

    def __init__(self):
        super().__init__([5, 9, 11] for _ in range(4))


METHODS_TRIED = ["prompt-tuning", "prefix-tuning", "lora", "ia3", "full"]


@pytest.mark.parametrize("method", METHODS_TRIED)
def test_any_method_may_have_them_however_a_step_is_cut_or_a_run_is_killed(tiny_models, method):
    whole = trained(tiny_models["llama"], method)
    losses = [line["loss"] for line in whole.progress.history if "loss" in line]
    assert losses[-1] < losses[0]
    for other in (trained(tiny_models["llama"], method, max_tokens=30), trained(tiny_models["llama"], method, stop=2)):
        for one, two in zip(whole.adapter.parameters(), other.adapter.parameters(), strict=True):
            torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-4)


def test_adafactor_is_that_of_t_few():
    from transformers.optimization import Adafactor

    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(6, 4, generator=generator), torch.ones(5)]
    ours, theirs = ([one.clone().requires_grad_() for one in start] for _ in range(2))
    settings = TuningSettings(optimiser="adafactor")
    steps = [
        optimiser(settings, ours, 0.003),
        Adafactor(theirs, lr=0.003, scale_parameter=True, relative_step=False, warmup_init=False),
    ]
    for _ in range(5):
        gradients = [torch.randn(one.shape, generator=generator) for one in start]
        for parameters, step in zip((ours, theirs), steps, strict=True):
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient.clone()
            step.step()
    for one, other, first in zip(ours, theirs, start, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
        assert not torch.equal(one, first)
