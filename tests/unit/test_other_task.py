"""What was tuned on one task, scored on another without demonstrations: a gain over the model alone."""

import synthetic_study as made

from softshot.analysis.collect import collect
from softshot.analysis.findings import find
from softshot.settings import Study


def test_the_gain_of_every_method_is_over_the_model_alone_and_no_part_of_claim_4(tmp_path, monkeypatch):
    monkeypatch.setattr(made, "truth", lambda run: 60.0 if run.source else 40.0)
    monkeypatch.setattr(made, "spread", lambda run: 1.0 if run.seed else 0.0)
    study = Study(
        seeds=[1, 2, 3, 4, 5],
        models={"use": ["gpt2-xl"]},
        data={"tasks": ["mtop", "dart"]},
        arms={
            "icl": {"method": "none", "demonstrations": ["retrieved-1"]},
            "pt": {"method": "prompt-tuning", "tokens": [25]},
            "lora": {"method": "lora", "rank": [8]},
        },
        transfer={"arms": ["pt", "lora"], "tokens": [25], "rank": [8], "demonstrations": ["none"]},
        scoring={"metrics": {"dart": ["dart_bleu"], "mtop": ["exact_match"]}},
        analysis={"bootstrap": 200},
    )
    made.write_study(tmp_path, study)
    found = find(study, collect(study, tmp_path), tmp_path)
    assert list(found.transfer["variant"]) == [
        *("from-dart_tokens-25", "from-dart_rank-8", "from-mtop_tokens-25", "from-mtop_rank-8")
    ]
    assert set(found.transfer["demonstrations"]) == {""} and set(found.transfer["verdict"]) == {"better"}
    assert ((found.transfer["low"] < 20) & (found.transfer["high"] > 20)).all()
    alone = found.summary[(found.summary["arm"] == "icl") & (found.summary["variant"] == "none")]
    assert set(alone["mean"]) >= set(found.transfer["alone"])
    claim = found.claims[found.claims["part"] == "4"]
    assert list(claim["sentence"]) == ["The study asks nothing about this."]
