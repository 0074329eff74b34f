"""
Demonstrations for every record, among the training records.

needs: records, the encoders of dense retrievers
makes: results/<study>/demonstrations/<task>/<retriever>/<split>.parquet: neighbours and scores, best first;
    <split>.json: what it was made with;
    of random ones random_seed-<s>/, of those among fewer training records <retriever>_train-<size>_seed-<s>/,
    of those among the groups that are not held out <retriever>_without-<groups>_seed-<s>/, where nothing is random 0
"""


rule encode:
    """Encode the inputs of one split; the vectors serve every retriever with this encoder."""
    input:
        encoder="resources/models/{encoder}",
        records="<results>/data/{task}/{split}.jsonl",
        note="<results>/data/{task}/{split}.json",
    output:
        vectors="<results>/demonstrations/{task}/embeddings/{encoder}/{split}.npy",
        about="<results>/demonstrations/{task}/embeddings/{encoder}/{split}.json",
    log:
        "<results>/logs/demonstrations/{task}/encode-{encoder}-{split}.log",
    conda:
        "../../envs/softshot.yaml"
    resources:
        gpu=1,
        mem_mb=lambda wildcards, attempt: memory(wildcards.encoder, attempt),
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        settings=lambda wildcards: slices.canonical({"encoder": wildcards.encoder}),
        code=code.encoding(),
    shell:
        "python -m softshot.launch --gpus {resources.gpu} --jobs-per-gpu $JOBS_PER_GPU"
        " python -m softshot.demonstrations encode --settings {params.settings:q} --threads {threads}"
        " --encoder {input.encoder:q} --records {input.records:q} --out {output.vectors:q} > {log:q} 2>&1"


rule retrieve:
    """Find the nearest training records of every record of a split, never the record itself."""
    input:
        unpack(lambda wildcards: flow.retrieval_input(STUDY, wildcards.task, wildcards.retriever, wildcards.split)),
    output:
        table="<results>/demonstrations/{task}/{retriever}/{split}.parquet",
        about="<results>/demonstrations/{task}/{retriever}/{split}.json",
    log:
        "<results>/logs/demonstrations/{task}/{retriever}-{split}.log",
    conda:
        "../../envs/softshot.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
    params:
        settings=lambda wildcards: slices.canonical(slices.retrieval_slice(STUDY, wildcards.task, wildcards.retriever)),
        code=lambda wildcards: code.retrieval(STUDY.demonstrations.retrievers[wildcards.retriever].kind),
    shell:
        "python -m softshot.demonstrations retrieve --settings {params.settings:q} --threads {threads}"
        " --index {input.index:q} --queries {input.queries:q} --train {input.train:q} --records {input.records:q}"
        " --out {output.table:q} > {log:q} 2>&1"


rule random_demonstrations:
    """Draw training records for every record of a split, never the record itself."""
    input:
        unpack(lambda wildcards: flow.retrieval_input(STUDY, wildcards.task, "random", wildcards.split)),
    output:
        table="<results>/demonstrations/{task}/random_seed-{seed}/{split}.parquet",
        about="<results>/demonstrations/{task}/random_seed-{seed}/{split}.json",
    log:
        "<results>/logs/demonstrations/{task}/random_seed-{seed}-{split}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=lambda wildcards: slices.canonical(slices.retrieval_slice(STUDY, wildcards.task, "random")),
        code=code.retrieval("random"),
    shell:
        "python -m softshot.demonstrations retrieve --settings {params.settings:q} --seed {wildcards.seed}"
        " --train {input.train:q} --records {input.records:q} --out {output.table:q} > {log:q} 2>&1"


rule retrieve_in_subset:
    """Find or draw demonstrations in a part of the training records; their vectors are those of all of them."""
    input:
        unpack(
            lambda wildcards: flow.retrieval_input(
                STUDY,
                wildcards.task,
                wildcards.retriever,
                wildcards.split,
                part=f"train-{wildcards.size}_seed-{wildcards.seed}",
            )
        ),
    output:
        table="<results>/demonstrations/{task}/{retriever}_train-{size}_seed-{seed}/{split}.parquet",
        about="<results>/demonstrations/{task}/{retriever}_train-{size}_seed-{seed}/{split}.json",
    log:
        "<results>/logs/demonstrations/{task}/{retriever}_train-{size}_seed-{seed}-{split}.log",
    conda:
        "../../envs/softshot.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
    params:
        settings=lambda wildcards: slices.canonical(slices.retrieval_slice(STUDY, wildcards.task, wildcards.retriever)),
        code=lambda wildcards: code.retrieval(STUDY.demonstrations.retrievers[wildcards.retriever].kind),
    shell:
        "python -m softshot.demonstrations retrieve --settings {params.settings:q} --threads {threads}"
        " --seed {wildcards.seed} --index {input.index:q} --queries {input.queries:q} --whole {input.whole:q}"
        " --train {input.train:q} --records {input.records:q} --out {output.table:q} > {log:q} 2>&1"


use rule retrieve_in_subset as retrieve_without with:
    input:
        unpack(
            lambda wildcards: flow.retrieval_input(
                STUDY,
                wildcards.task,
                wildcards.retriever,
                wildcards.split,
                part=f"train_without-{wildcards.groups}",
            )
        ),
    output:
        table="<results>/demonstrations/{task}/{retriever}_without-{groups}_seed-{seed}/{split}.parquet",
        about="<results>/demonstrations/{task}/{retriever}_without-{groups}_seed-{seed}/{split}.json",
    log:
        "<results>/logs/demonstrations/{task}/{retriever}_without-{groups}_seed-{seed}-{split}.log",
