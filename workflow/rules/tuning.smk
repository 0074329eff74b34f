"""
Soft prompts, one job per (model, task, arm, tokens, seed).

needs: the model, training and validation records, their demonstrations (IPT)
makes: results/<study>/runs/.../seed-<s>/: the prompt in PEFT's format, history.jsonl, tuning.json, prompt.tsv
"""


rule tune:
    """Train one soft prompt; a killed job continues from its last state."""
    input:
        tuning_input,
    output:
        "results/{study}/runs/{run}/tuning.json",
    log:
        "results/{study}/logs/tuning/{run}.log",
    wildcard_constraints:
        run=rf"[^/]+/[^/]+/({TRAINED_ARMS})/(?!from-)[^/]+/[^/]+",  # what is from elsewhere is not tuned here
    priority: 1  # the longest jobs first, so that no core is idle at the end
    conda:
        "../../envs/softshot.yaml"
    resources:
        gpu=1,
        mem_mb=model_memory,
        runtime=tuning_minutes,
    params:
        code=code.tuning(),
        options=tuning_options,
    shell:
        # Told to stop, a shell would end at once and have its cluster job ended before the state is saved: exec, no shell.
        "exec python -m softshot.launch --gpus {resources.gpu} --jobs-per-gpu $JOBS_PER_GPU"
        " python -m softshot.tuning {params.options} --threads {threads}"
        " --max-tokens $MAX_TOKENS"
        " --out $(dirname {output:q}) > {log:q} 2>&1"
