"""
Data sets to records.

needs: the tasks' files: official, from the hub, a mirror or a local folder (config: data.source); or your own
makes: results/<study>/data/<task>/<split>.jsonl: {"id", "input", "target", "references", "meta"}; <split>.json: counts
"""


rule download:
    """Fetch and verify a task's official files; checksums.json is written last."""
    output:
        "resources/downloads/{task}/checksums.json",
    log:
        "resources/downloads/logs/{task}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=lambda wildcards: canonical(task_source(wildcards.task)),
    shell:
        "python -m softshot.data download --settings {params.settings:q} --out $(dirname {output:q}) > {log:q} 2>&1"


rule convert:
    """Convert one file to records: all, a seeded sample, or the part that a split is carved from."""
    input:
        source_input,
    output:
        records="results/{study}/data/{task}/{split}.jsonl",
        counts="results/{study}/data/{task}/{split}.json",
    log:
        "results/{study}/logs/data/{task}/{split}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=lambda wildcards: canonical(studies.convert_slice(STUDY, wildcards.task, wildcards.split)),
        code=conversion_code,
        source=source_file,
    shell:
        "python -m softshot.data convert --settings {params.settings:q} --split {wildcards.split}"
        " --source {params.source:q} --out {output.records:q} > {log:q} 2>&1"
