"""
Scores of every run.

needs: predictions, the records with their references
makes: results/<study>/runs/.../seed-<s>/: scores.json, scores.parquet (per record, so that subsets are sums)
"""


rule score:
    """Score the predictions of one run with its task's metrics."""
    input:
        records=lambda wildcards: records(wildcards, studies.evaluation),
        predictions="results/{study}/runs/{model}/{task}/{arm}/{variant}/seed-{seed}/predictions.jsonl",
        code=code("softshot/scoring/*.py"),
    output:
        scores="results/{study}/runs/{model}/{task}/{arm}/{variant}/seed-{seed}/scores.json",
        statistics="results/{study}/runs/{model}/{task}/{arm}/{variant}/seed-{seed}/scores.parquet",
    log:
        "results/{study}/logs/scoring/{model}/{task}/{arm}/{variant}/seed-{seed}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=lambda wildcards: canonical({"metrics": studies.metrics(STUDY, wildcards.task)}),
    shell:
        "python -m softshot.scoring --settings {params.settings:q} --records {input.records:q}"
        " --predictions {input.predictions:q} --out $(dirname {output.scores:q}) > {log:q} 2>&1"
