"""
Predictions of every run.

needs: the model, the records to predict, their demonstrations (all but PT), the tuned prompt (all but ICL)
makes: results/<study>/runs/.../seed-<s>/: predictions.jsonl, run.json (settings, versions, device, cost)
"""


rule generate:
    """Predict the evaluation records of one run."""
    input:
        generation_input,
    output:
        "results/{study}/runs/{model}/{task}/{arm}/{variant}/seed-{seed}/run.json",
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
        code=code.generation(),
        files=lambda wildcards: options(generation_files(run_of(wildcards))),
    shell:
        "python -m softshot.launch --gpus {resources.gpu} --jobs-per-gpu {resources.jobs_per_gpu}"
        " python -m softshot.generation --settings {params.settings:q} --threads {threads}"
        " --batch-size {resources.rows} --model resources/models/{wildcards.model} {params.files}"
        " --out $(dirname {output:q}) > {log:q} 2>&1"
