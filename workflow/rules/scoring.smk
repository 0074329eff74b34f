"""
Scores of every run.

needs: predictions, the records with their references, the databases where a metric uses them
makes: results/<study>/runs/.../seed-<s>/: scores.json, scores.parquet (per record, so that subsets are sums)
"""


rule score:
    """Score the predictions of one run with its task's metrics."""
    input:
        unpack(lambda wildcards: of_user(flow.scoring_input(STUDY, run_of(wildcards)))),
    output:
        scores="<results>/runs/{run}/scores.json",
        statistics="<results>/runs/{run}/scores.parquet",
    log:
        "<results>/logs/scoring/{run}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=of_run(lambda study, run: slices.canonical(slices.scoring_slice(study, run.task))),
        code=of_run(lambda study, run: code.scoring(*studies.metrics(study, run.task))),
    shell:
        "python -m softshot.scoring --settings {params.settings:q} --records {input.records:q}"
        " --predictions {input.predictions:q} --data {input.data:q} {input.folder:q} --out $(dirname {output.scores:q}) > {log:q} 2>&1"
