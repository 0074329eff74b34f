"""AdaLoRA's ranks: they go where it matters, under a budget that falls as the paper says."""

import pytest
import torch
from cases import adapter_of, base_for, trainer_of

from softshot.files import read_json
from softshot.tuning import objective

STEPS, RANK, FIRST = 60, 4, 6  # begins to fall after step 6, and has fallen at step 42


def cubic(step, layers):
    """Zhang et al. 2023, equation 14: triplets left in all layers."""
    first, last = FIRST * layers, RANK * layers
    share = min(max((step - 6) / (42 - 6), 0), 1)
    return int(last + (first - last) * (1 - share) ** 3)


def trained(folder_of, **settings):
    """A run and, after each step, which triplets were kept and their lambdas: [steps, layers, first rank]."""
    run = trainer_of("adalora", base_for("adalora", folder_of("bloom")), loop={"steps": STEPS}, **settings)
    adapter, kept, lambdas = run.adapter, [], []
    after = adapter.after_step

    def watched(step, steps):
        after(step, steps)
        kept.append(torch.stack([one.kept for one in adapter.triplets]))
        lambdas.append(torch.stack([one.lambdas.detach() for one in adapter.triplets]))

    adapter.after_step = watched
    assert run.run(lambda: False, lambda: None, 1e9)
    return run, torch.stack(kept), torch.stack(lambdas)


def test_the_budget_is_the_cubic_and_ranks_go_where_they_matter(folder_of):
    run, kept, lambdas = trained(folder_of)
    layers = kept.shape[1]
    assert [int(step.sum()) for step in kept] == [cubic(step, layers) for step in range(1, STEPS + 1)]
    ranks = kept.sum(2)
    assert len(set(ranks[-1].tolist())) > 2, "layers end with different ranks"
    assert (kept[:-1] < kept[1:]).any(), "a triplet that was left out may come back while the budget falls"
    assert torch.equal(kept[41], kept[-1]), "and stays as it is then"
    assert not lambdas[~kept].any() and lambdas[-1].any()
    assert run.adapter.describe(None) == {
        "first_rank": FIRST,
        "least_rank": int(ranks[-1].min()),
        "greatest_rank": int(ranks[-1].max()),
        "mean_rank": RANK,
    }


def test_between_two_allocations_lambdas_grow_again(folder_of):
    """Zhang et al. 2023, section 3.2: pruned triplets are updated within the interval, and may be activated again."""
    _, kept, lambdas = trained(folder_of, every=10)
    changes = [step + 1 for step in range(1, STEPS) if not torch.equal(kept[step], kept[step - 1])]
    assert {10, 20, 30} <= set(changes) <= {10, 20, 30, 40, 42}
    assert not lambdas[29][~kept[29]].any() and lambdas[30][~kept[30]].any()
    assert not lambdas[42:][~kept[42:]].any(), "after the last, those that are left out are 0 in every step"


def test_the_result_has_the_rank_that_was_asked_for(folder_of, monkeypatch, tmp_path):
    """Also where validation was best before the budget had fallen; and no run ends before."""
    real = objective.target_losses
    run = trainer_of("adalora", base_for("adalora", folder_of("llama")), loop={"steps": STEPS, "patience": 1})
    monkeypatch.setattr(objective, "target_losses", lambda *given: real(*given) + 0.1 * run.progress.step)  # rises
    assert run.run(lambda: False, lambda: None, 1e9)
    assert (run.progress.step, run.progress.best_step, run.progress.stopped_early) == (60, 50, True)
    run.finish()
    run.adapter.save(tmp_path)
    ranks = read_json(tmp_path / "adapter_config.json")["rank_pattern"]
    assert sum(ranks.values()) == RANK * len(run.adapter.layers)
    assert run.adapter.describe(tmp_path)["mean_rank"] == RANK


@pytest.mark.parametrize("steps", [1, 2, 3, 10])
def test_few_steps_are_enough_for_a_budget_to_fall(folder_of, steps):
    run = trainer_of("adalora", base_for("adalora", folder_of("gpt2")), loop={"steps": steps})
    assert run.run(lambda: False, lambda: None, 1e9)
    assert run.progress.final and run.adapter.describe(None)["mean_rank"] == RANK


def test_it_begins_as_the_model_and_orthonormal_costs_nothing(folder_of):
    adapter = adapter_of("adalora", base_for("adalora", folder_of("gpt2")), orthogonality=0.5)
    assert all(not one.lambdas.any() for one in adapter.triplets)
    spread = torch.cat([one.p.flatten() for one in adapter.triplets]).std()
    assert float(spread) == pytest.approx(0.02, rel=0.05)
    one = adapter.triplets[0]
    with torch.no_grad():
        for other in adapter.triplets:
            torch.nn.init.orthogonal_(other.p)
            torch.nn.init.orthogonal_(other.q)
    assert float(adapter.penalty()) == pytest.approx(0, abs=1e-5)
    with torch.no_grad():
        one.p *= 2  # P'P - I is 3 I then, of norm 3 sqrt(6), among 16 matrices
    assert float(adapter.penalty()) == pytest.approx(0.5 * 3 * 6**0.5 / 16, rel=1e-4)
