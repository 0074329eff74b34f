"""
Demonstrations for every record, among the training records.

needs: records, the encoder
makes: results/<study>/demonstrations/<task>/<retriever>/<split>.parquet: neighbours and scores, best first
"""


rule encode:
    """Encode the inputs of one split with the sentence encoder."""
    input:
        records="results/{study}/data/{task}/{split}.jsonl",
        encoder=f"resources/models/{STUDY.demonstrations.encoder}/provenance.json",
        code=code("softshot/demonstrations/encode.py", "softshot/demonstrations/embeddings.py"),
    output:
        "results/{study}/demonstrations/{task}/embeddings/{split}.npz",
    log:
        "results/{study}/logs/demonstrations/{task}/encode-{split}.log",
    conda:
        "../../envs/softshot.yaml"
    resources:
        gpu=1,
        mem_mb=4000,
    params:
        settings=canonical({"encoder": STUDY.demonstrations.encoder}),
    shell:
        "python -m softshot.launch --gpus {resources.gpu}"
        " python -m softshot.demonstrations encode --settings {params.settings:q} --threads {threads}"
        " --encoder $(dirname {input.encoder:q}) --records {input.records:q} --out {output:q} > {log:q} 2>&1"


rule retrieve:
    """Find the nearest training records of every record of a split, never the record itself."""
    input:
        index="results/{study}/demonstrations/{task}/embeddings/train.npz",
        queries="results/{study}/demonstrations/{task}/embeddings/{split}.npz",
        train="results/{study}/data/{task}/train.jsonl",
        records="results/{study}/data/{task}/{split}.jsonl",
        code=code(*(f"softshot/demonstrations/{name}.py" for name in ("retrieve", "exclusion", "table"))),
    output:
        "results/{study}/demonstrations/{task}/retrieved/{split}.parquet",
    log:
        "results/{study}/logs/demonstrations/{task}/retrieve-{split}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=canonical({"neighbours": STUDY.demonstrations.neighbours}),
    shell:
        "python -m softshot.demonstrations retrieve --settings {params.settings:q} --threads {threads}"
        " --index {input.index:q} --queries {input.queries:q} --train {input.train:q} --records {input.records:q}"
        " --out {output:q} > {log:q} 2>&1"


rule random_demonstrations:
    """Draw training records for every record of a split, never the record itself."""
    input:
        train="results/{study}/data/{task}/train.jsonl",
        records="results/{study}/data/{task}/{split}.jsonl",
        code=code(*(f"softshot/demonstrations/{name}.py" for name in ("sample", "exclusion", "table"))),
    output:
        "results/{study}/demonstrations/{task}/random_seed-{seed}/{split}.parquet",
    log:
        "results/{study}/logs/demonstrations/{task}/random_seed-{seed}-{split}.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        settings=canonical({"neighbours": STUDY.demonstrations.neighbours}),
    shell:
        "python -m softshot.demonstrations random --settings {params.settings:q} --seed {wildcards.seed}"
        " --train {input.train:q} --records {input.records:q} --out {output:q} > {log:q} 2>&1"
