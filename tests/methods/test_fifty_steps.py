"""50 steps in float64 from the same start: every method's losses and parameters are those of peft's plain loop.

Full tuning is held against transformers' own model, context tuning against a loop that takes its rows one by one.
"""

import pytest
import torch
from cases import ALL, base_for, trainer_of
from loops import BY_METHOD, Float64

from softshot.tuning.batches import batches
from softshot.tuning.schedule import learning_rate

ARCHITECTURES = ["gpt2", "opt", "bloom", "llama"]
OTHERS = ["qwen3", "phi3", "gpt_neox", "gemma3_text"]
SETTINGS = {
    "p-tuning": [{}, {"encoder": "lstm", "encoder_hidden": 12}],
    "prefix-tuning": [{}, {"reparameterisation": "mlp", "reparameterisation_hidden": 12}],
    "lora": [{}, {"rank_stabilised": True, "targets": "some"}],
    "context-tuning": [{"token_dropout": 0.2}],
    "adalora": [{"every": 3, "orthogonality": 0.3}],
}
SOME = {
    "gpt2": ["c_attn"],
    "opt": ["v_proj", "fc1"],
    "bloom": ["query_key_value"],
    "llama": ["0.mlp.up_proj", "q_proj"],
}
STEPS = 50


def fifty_steps(method, folder, **settings):
    """Both, step by step."""
    run = trainer_of(method, base_for(method, folder, "float64"), loop={"clip": 0.5}, **settings)
    if method == "context-tuning":
        seen, visible = [], run.adapter.visible
        run.adapter.visible = lambda *given: seen.append(visible(*given)) or seen[-1]
    kind, model, pairs = BY_METHOD[method](folder, run.adapter)
    loop = kind(model, pairs, run.peak_rate, clip=0.5)
    before = [parameter.detach().clone() for parameter, _ in pairs]
    order = batches(run.training, 4, run.seed)
    for step in range(STEPS):
        rows, penalty = next(order), run.adapter.penalty()
        run.step([rows])
        for group in loop.optimizer.param_groups:
            group["lr"] = learning_rate(step, run.settings, run.peak_rate)
        expected = loop.step(rows, *([seen[-1]] if method == "context-tuning" else []))
        loss = run.progress.history[-1]["loss"] + (0 if penalty is None else penalty.item())
        assert loss == pytest.approx(expected, rel=1e-7), f"step {step}"
    moved = []
    for (parameter, ours), first in zip(pairs, before, strict=True):
        torch.testing.assert_close(ours().detach(), parameter.detach(), rtol=1e-7, atol=1e-7)
        moved.append(float((parameter.detach() - first).abs().max()))
    assert max(moved) > 0.05, "50 steps must lead somewhere"


def cases():
    """Each method once in the short suite, the rest in the long one."""
    for method in ALL:
        for number, settings in enumerate(SETTINGS.get(method, [{}])):
            for place, name in enumerate(ARCHITECTURES + (OTHERS if number == 0 else [])):
                if settings.get("reparameterisation") == "mlp" and name == "llama":
                    continue  # PEFT's MLP is as wide as its keys, which are narrower than hidden states there
                if "targets" in settings:
                    settings = settings | {"targets": SOME[name]}
                short = number == 0 and place == ALL.index(method) % 4
                yield pytest.param(
                    *(method, name, settings),
                    id=f"{method}-{name}-{number}",
                    marks=[] if short else pytest.mark.long,
                )


@pytest.mark.parametrize(("method", "name", "settings"), [*cases()])
def test_losses_and_parameters_are_the_plain_loops(folder_of, method, name, settings):
    with Float64():
        fifty_steps(method, folder_of(name), **settings)
