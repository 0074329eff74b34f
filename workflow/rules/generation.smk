"""
Predictions of every run.

needs: the model, the records to predict, their demonstrations (all but PT), the tuned prompt (all but ICL)
makes: results/<study>/runs/.../seed-<s>/: predictions.jsonl.gz, run.json (settings, versions, device, cost)
"""


rule generate:
    """Predict the evaluation records of one run."""
    input:
        generation_input,
    output:
        "results/{study}/runs/{run}/run.json",
    log:
        "results/{study}/logs/generation/{run}.log",
    conda:
        "../../envs/softshot.yaml"
    resources:
        gpu=1,
        mem_mb=model_memory,
        runtime=generation_minutes,
    params:
        code=code.generation(),
        options=generation_options,
    shell:
        "python -m softshot.launch --gpus {resources.gpu} --jobs-per-gpu $JOBS_PER_GPU"
        " python -m softshot.generation {params.options} --threads {threads}"
        " --batch-size $BATCH_SIZE"
        " --out $(dirname {output:q}) > {log:q} 2>&1"
