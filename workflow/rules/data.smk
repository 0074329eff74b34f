"""
Data sets to records.

needs: the tasks' files: official, from the hub, a mirror or a local folder (config: data.source); or your own
makes: results/<study>/data/<task>/<split>.jsonl: {"id", "input", "target", "references", "meta"}; <split>.json: counts;
    subsets/train-<size>_seed-<s>.jsonl: the training records of the runs on fewer (config: data_size);
    subsets/<split>_without-<groups>.jsonl: the records of a split without the held-out groups (config: shift)
"""


# Where Snakemake runs, also with an executor: the nodes of a cluster often have no internet.
localrules:
    download,


rule download:
    """Fetch and verify a task's official files; what has arrived of them stays where it fails."""
    output:
        folder=directory("resources/downloads/{task}"),
    log:
        "resources/downloads/logs/{task}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=lambda wildcards: slices.canonical(slices.download_slice(STUDY, wildcards.task)),
    shell:
        "python -m softshot.data download --settings {params.settings:q} --out {output.folder:q} > {log:q} 2>&1"


rule convert:
    """Convert one file to records: all, a seeded sample, or the part that a split is carved from."""
    input:
        unpack(lambda wildcards: of_user(flow.conversion_input(STUDY, wildcards.task, wildcards.split))),
    output:
        records="<results>/data/{task}/{split}.jsonl",
        counts="<results>/data/{task}/{split}.json",
    log:
        "<results>/logs/data/{task}/{split}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=lambda wildcards: slices.canonical(slices.convert_slice(STUDY, wildcards.task, wildcards.split)),
        code=lambda wildcards: code.conversion(
            wildcards.task, studies.task(STUDY, wildcards.task).table is not None, wildcards.split
        ),
        # Functions of `input` are not held against the last run: files from elsewhere are other inputs anyway.
        source=lambda wildcards, input: flow.source_file(STUDY, wildcards.task, wildcards.split, *input.downloads),
        against=lambda wildcards, input: [
            f"{split}={flow.source_file(STUDY, wildcards.task, split, *input.downloads)}"
            for split in studies.compared(STUDY, wildcards.task, wildcards.split)
        ],
        origin=lambda wildcards, input: (
            [f"{input.downloads}/checksums.json", studies.source(STUDY, wildcards.task)] if input.downloads else []
        ),
    shell:
        "python -m softshot.data convert --settings {params.settings:q} --split {wildcards.split}"
        " --source {params.source:q} --downloaded {params.origin:q} --against {params.against:q}"
        " --out {output.records:q} > {log:q} 2>&1"


rule subset:
    """Draw a part of the training records; each seed has an order of its own, of which a size is the beginning."""
    input:
        records="<results>/data/{task}/train.jsonl",
        note="<results>/data/{task}/train.json",
    output:
        records="<results>/data/{task}/subsets/train-{size}_seed-{seed}.jsonl",
        note="<results>/data/{task}/subsets/train-{size}_seed-{seed}.json",
    log:
        "<results>/logs/data/{task}/train-{size}_seed-{seed}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        code=code.subsets(),
    shell:
        "python -m softshot.data subset --records {input.records:q} --size {wildcards.size} --seed {wildcards.seed}"
        " --out {output.records:q} > {log:q} 2>&1"


rule without:
    """Leave out the records of the groups that are held out."""
    input:
        records="<results>/data/{task}/{split}.jsonl",
        note="<results>/data/{task}/{split}.json",
    output:
        records="<results>/data/{task}/subsets/{split}_without-{groups}.jsonl",
        note="<results>/data/{task}/subsets/{split}_without-{groups}.json",
    log:
        "<results>/logs/data/{task}/{split}_without-{groups}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=lambda wildcards: slices.canonical(slices.without_slice(STUDY, wildcards.task)),
        code=code.without(),
    shell:
        "python -m softshot.data without --settings {params.settings:q} --split {wildcards.split}"
        " --records {input.records:q} --out {output.records:q} > {log:q} 2>&1"
