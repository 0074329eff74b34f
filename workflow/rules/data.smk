"""
Data sets to records.

needs: the tasks' files: official, from the hub, a mirror or a local folder (config: data.source); or your own
makes: results/<study>/data/<task>/<split>.jsonl: {"id", "input", "target", "references", "meta"}; <split>.json: counts;
    subsets/train-<size>_seed-<s>.jsonl: the training records of the runs on fewer (config: data_size)
"""


# Where Snakemake runs, also with an executor: the nodes of a cluster often have no internet.
localrules:
    download,


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
        source=source_input,
    output:
        records="results/{study}/data/{task}/{split}.jsonl",
        counts="results/{study}/data/{task}/{split}.json",
    log:
        "results/{study}/logs/data/{task}/{split}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=lambda wildcards: canonical(slices.convert_slice(STUDY, wildcards.task, wildcards.split)),
        code=conversion_code,
        source=source_file,
        # A function of `input` is not held against the last run: files from elsewhere have other checksums anyway.
        downloaded=lambda wildcards, input: downloaded(wildcards.task, input.source),
        against=lambda wildcards: [f"{split}={file}" for split, file in compared_files(wildcards).items()],
    shell:
        "python -m softshot.data convert --settings {params.settings:q} --split {wildcards.split}"
        " --source {params.source:q} --downloaded {params.downloaded:q} --against {params.against:q} --out {output.records:q} > {log:q} 2>&1"


rule subset:
    """Draw a part of the training records; each seed has an order of its own, of which a size is the beginning."""
    input:
        records="results/{study}/data/{task}/train.jsonl",
    output:
        records="results/{study}/data/{task}/subsets/train-{size}_seed-{seed}.jsonl",
        note="results/{study}/data/{task}/subsets/train-{size}_seed-{seed}.json",
    log:
        "results/{study}/logs/data/{task}/train-{size}_seed-{seed}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        code=code.checksum("data/subsets.py"),
    shell:
        "python -m softshot.data subset --records {input.records:q} --size {wildcards.size} --seed {wildcards.seed}"
        " --out {output.records:q} > {log:q} 2>&1"
