"""
Predictions of every run.

needs: the model, the records to predict, their demonstrations (all but PT), the tuned prompt (all but ICL)
makes: results/<study>/runs/.../seed-<s>/: predictions.jsonl, run.json (settings, versions, device, cost)
"""


rule generate:
    """Predict the evaluation records of one run."""
    input:
        model="resources/models/{model}/provenance.json",
        train=training_records,
        records=lambda wildcards: records(wildcards, studies.evaluation),
        demonstrations=lambda wildcards: neighbours(wildcards, studies.evaluation(STUDY, wildcards.task)),
        prompt=prompt,
        code=[*engine_code("decoding", "beam", "cache", "stops"), *code("softshot/generation/*.py")],
    output:
        predictions="results/{study}/runs/{model}/{task}/{arm}/{variant}/seed-{seed}/predictions.jsonl",
        run="results/{study}/runs/{model}/{task}/{arm}/{variant}/seed-{seed}/run.json",
    log:
        "results/{study}/logs/generation/{model}/{task}/{arm}/{variant}/seed-{seed}.log",
    conda:
        "../../envs/softshot.yaml"
    resources:
        gpu=1,
        jobs_per_gpu=STUDY.launch.jobs_per_gpu,
        rows=STUDY.generation.batch_size,  # decoded together: memory, never the text, so no parameter
        mem_mb=model_memory,
        runtime=generation_minutes,
    params:
        settings=lambda wildcards: canonical(studies.generation_slice(STUDY, run_of(wildcards))),
        prompt=lambda wildcards, input: [str(Path(path).parent) for path in input.prompt[:1]],
    shell:
        "python -m softshot.launch --gpus {resources.gpu} --jobs-per-gpu {resources.jobs_per_gpu}"
        " python -m softshot.generation --settings {params.settings:q} --threads {threads}"
        " --batch-size {resources.rows} --model $(dirname {input.model:q}) --train {input.train:q}"
        " --records {input.records:q} --demonstrations {input.demonstrations:q}"
        " --prompt {params.prompt:q} --out $(dirname {output.run:q}) > {log:q} 2>&1"
