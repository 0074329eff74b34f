"""
Scores of every run.

needs: predictions, the records with their references, the databases where a metric uses them
makes: results/<study>/runs/.../seed-<s>/: scores.json, scores.parquet (per record, so that subsets are sums)
"""


rule score:
    """Score the predictions of one run with its task's metrics."""
    input:
        run="results/{study}/runs/{model}/{task}/{arm}/{variant}/seed-{seed}/run.json",
        data=lambda wildcards: scoring_data(wildcards.task),
    output:
        "results/{study}/runs/{model}/{task}/{arm}/{variant}/seed-{seed}/scores.json",
    log:
        "results/{study}/logs/scoring/{model}/{task}/{arm}/{variant}/seed-{seed}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=lambda wildcards: canonical({"metrics": studies.metrics(STUDY, wildcards.task)}),
        code=lambda wildcards: code.scoring(*studies.metrics(STUDY, wildcards.task)),
        records=lambda wildcards: generation_files(run_of(wildcards))["records"],
        # A function of `input` is not held against the last run: a folder may move without a new score.
        data=lambda wildcards, input: [str(Path(path).parent) for path in input.data],
    shell:
        "python -m softshot.scoring --settings {params.settings:q} --records {params.records}"
        " --predictions $(dirname {output:q})/predictions.jsonl --data {params.data:q} --out $(dirname {output:q})"
        " > {log:q} 2>&1"
