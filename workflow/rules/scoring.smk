"""
Scores of every run.

needs: predictions, the records with their references, the databases where a metric uses them
makes: results/<study>/runs/.../seed-<s>/: scores.json, scores.parquet (per record, so that subsets are sums)
"""


def scoring_input(wildcards) -> dict[str, str | list[str]]:
    """What scoring a run reads; the folder of its task is needed where it has data for a metric."""
    run = run_of(wildcards)
    folder = flow.task_folder(STUDY, run.task)
    needed = studies.task(STUDY, run.task).folders
    of_user = not studies.downloaded(STUDY, run.task)
    encoder = slices.scoring_slice(STUDY, run.task).get("encoder")
    return flow.scoring_input(STUDY, run) | {
        "data": [local(folder) if of_user else folder] if needed else [],
        "encoder": [local(encoder)] if encoder else [],  # the program finds it in its settings
    }


rule score:
    """Score the predictions of one run with its task's metrics."""
    input:
        unpack(scoring_input),
    output:
        scores="<results>/runs/{run}/scores.json",
        statistics="<results>/runs/{run}/scores.parquet",
    log:
        "<results>/logs/scoring/{run}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=of_run(lambda study, run: canonical(slices.scoring_slice(study, run.task))),
        code=of_run(lambda study, run: code.scoring(*studies.metrics(study, run.task))),
    shell:
        "python -m softshot.scoring --settings {params.settings:q} --records {input.records:q}"
        " --predictions {input.predictions:q} --data {input.data:q} --out $(dirname {output.scores:q}) > {log:q} 2>&1"
