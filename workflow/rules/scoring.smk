"""
Scores of every run.

needs: predictions, the records with their references, the databases where a metric uses them
makes: results/<study>/runs/.../seed-<s>/: scores.json, scores.parquet (per record, so that subsets are sums)
"""


rule score:
    """Score the predictions of one run with its task's metrics."""
    input:
        records=lambda wildcards: records(wildcards, studies.evaluation),
        predictions="results/{study}/runs/{model}/{task}/{arm}/{variant}/seed-{seed}/predictions.jsonl",
        data=lambda wildcards: scoring_data(wildcards.task),
        code=scoring_code,
    output:
        scores="results/{study}/runs/{model}/{task}/{arm}/{variant}/seed-{seed}/scores.json",
        statistics="results/{study}/runs/{model}/{task}/{arm}/{variant}/seed-{seed}/scores.parquet",
    log:
        "results/{study}/logs/scoring/{model}/{task}/{arm}/{variant}/seed-{seed}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=lambda wildcards: canonical({"metrics": studies.metrics(STUDY, wildcards.task)}),
        # A function of `input` is not held against the last run: a folder may move without a new score.
        data=lambda wildcards, input: [str(Path(path).parent) for path in input.data],
    shell:
        "python -m softshot.scoring --settings {params.settings:q} --records {input.records:q}"
        " --predictions {input.predictions:q} --data {params.data:q}"
        " --out $(dirname {output.scores:q}) > {log:q} 2>&1"
