"""
Soft prompts, one job per (model, task, arm, tokens, seed).

needs: the model, training and validation records, their demonstrations (IPT)
makes: results/<study>/runs/.../seed-<s>/: the prompt in PEFT's format, history.jsonl, tuning.json, prompt.tsv
"""


rule tune:
    """Train one soft prompt; a killed job continues from its last state."""
    input:
        model="resources/models/{model}/provenance.json",
        train=training_records,
        validation=lambda wildcards: records(wildcards, studies.selection),
        train_demonstrations=lambda wildcards: neighbours(wildcards, "train"),
        validation_demonstrations=lambda wildcards: neighbours(wildcards, studies.selection(STUDY, wildcards.task)),
        code=[*engine_code(), *code("softshot/tuning/*.py")],
    output:
        weights="results/{study}/runs/{model}/{task}/{arm}/{variant}/seed-{seed}/adapter_model.safetensors",
        config="results/{study}/runs/{model}/{task}/{arm}/{variant}/seed-{seed}/adapter_config.json",
        history="results/{study}/runs/{model}/{task}/{arm}/{variant}/seed-{seed}/history.jsonl",
        tuning="results/{study}/runs/{model}/{task}/{arm}/{variant}/seed-{seed}/tuning.json",
        prompt="results/{study}/runs/{model}/{task}/{arm}/{variant}/seed-{seed}/prompt.tsv",
    log:
        "results/{study}/logs/tuning/{model}/{task}/{arm}/{variant}/seed-{seed}.log",
    wildcard_constraints:
        arm=r"pt|ipt",
    priority: 1  # the longest jobs first, so that no core is idle at the end
    conda:
        "../../envs/softshot.yaml"
    resources:
        gpu=1,
        jobs_per_gpu=STUDY.launch.jobs_per_gpu,
        tokens=str(STUDY.tuning.max_tokens or ""),  # of a forward pass: memory, never the prompt, so no parameter
        mem_mb=model_memory,
        runtime=tuning_minutes,
    params:
        settings=lambda wildcards: canonical(studies.tuning_slice(STUDY, run_of(wildcards))),
    shell:
        # Told to stop, a shell would end at once and have its cluster job ended before the state is saved: exec, no shell.
        "exec python -m softshot.launch --gpus {resources.gpu} --jobs-per-gpu {resources.jobs_per_gpu}"
        " python -m softshot.tuning --settings {params.settings:q} --threads {threads}"
        " --max-tokens {resources.tokens}"
        " --model $(dirname {input.model:q}) --train {input.train:q} --validation {input.validation:q}"
        " --train-demonstrations {input.train_demonstrations:q}"
        " --validation-demonstrations {input.validation_demonstrations:q}"
        " --out $(dirname {output.tuning:q}) > {log:q} 2>&1"
