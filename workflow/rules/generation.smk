"""
Predictions of every run.

needs: the model, the records to predict, their demonstrations (where some are shown), the adapter (where one is tuned,
    or given in the configuration)
makes: results/<study>/runs/.../seed-<s>/: predictions.jsonl.gz, run.json (settings, versions, device, cost)
"""


rule generate:
    """Predict the evaluation records of one run."""
    input:
        unpack(lambda wildcards: of_user(flow.generation_input(STUDY, run_of(wildcards)))),
    output:
        predictions="<results>/runs/{run}/predictions.jsonl.gz",
        run="<results>/runs/{run}/run.json",
    log:
        "<results>/logs/generation/{run}.log",
    conda:
        "../../envs/softshot.yaml"
    resources:
        gpu=1,
        mem_mb=lambda wildcards, attempt: memory(run_of(wildcards).model, attempt),
        runtime=minutes_of_run(allocation.generation_minutes),
    params:
        settings=settings_of_run(slices.generation_slice),
        code=of_run(lambda study, run: code.generation(run.method)),
        adapter=lambda wildcards, input: Path(input.given[0]).parent if input.given else input.adapter,
    shell:
        "python -m softshot.launch --gpus {resources.gpu} --jobs-per-gpu $JOBS_PER_GPU"
        " python -m softshot.generation --settings {params.settings:q} --model {input.model:q}"
        " --adapter {params.adapter:q} --train {input.train:q} --records {input.records:q}"
        " --demonstrations {input.demonstrations:q} --threads {threads} --batch-size $BATCH_SIZE"
        " --out $(dirname {output.run:q}) > {log:q} 2>&1"
