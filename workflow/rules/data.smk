"""
Official data sets to records.

needs: the tasks' official files: their own address, a mirror or a local folder (config: data.source)
makes: results/<study>/data/<task>/<split>.jsonl: {"id", "input", "target", "references", "meta"}
"""


rule download:
    """Fetch and verify a task's official files; checksums.json is written last."""
    output:
        "resources/downloads/{task}/checksums.json",
    log:
        "resources/downloads/logs/{task}.log",
    retries: 2
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=lambda wildcards: canonical(
            {
                "task": wildcards.task,
                "entry": task_source(wildcards.task),
                "source": STUDY.data.source,
            }
        ),
    shell:
        "python -m softshot.data download --settings {params.settings:q} --out $(dirname {output:q}) > {log:q} 2>&1"


rule convert:
    """Convert one official file to records, or to a seeded sample of them."""
    input:
        source=official_input,
        code=code("softshot/data/*.py"),
    output:
        "results/{study}/data/{task}/{split}.jsonl",
    log:
        "results/{study}/logs/data/{task}/{split}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=lambda wildcards: canonical(
            {
                "task": wildcards.task,
                "limits": {wildcards.split: getattr(STUDY.data.limits, wildcards.split)},
                "sample_seed": STUDY.data.sample_seed,
            }
        ),
        source=official_file,
    shell:
        "python -m softshot.data convert --settings {params.settings:q} --split {wildcards.split}"
        " --source {params.source:q} --out {output:q} > {log:q} 2>&1"
