"""
Adapters, one job per (model, task, arm, size, seed) that trains something.

needs: the model, training and validation records, the demonstrations of both where the arm shows some
makes: results/<study>/runs/.../seed-<s>/: adapter/ in PEFT's format, history.jsonl, tuning.json;
    where a method has several learning rates, rate-<r>/ of a variant tries one, and its rate.json is the choice
"""

VARIANTS = {run.path.rpartition("/")[0]: run for run in tuners(STUDY)}


rule tune:
    """Train one adapter; a killed job continues from its last state."""
    input:
        unpack(of_run(flow.tuning_input)),
    output:
        adapter=directory("<results>/runs/{run}/adapter"),
        history="<results>/runs/{run}/history.jsonl",
        tuning="<results>/runs/{run}/tuning.json",
    log:
        "<results>/logs/tuning/{run}.log",
    wildcard_constraints:
        run=flow.tuned_folders(STUDY, temporary=False),
    priority: 1  # the longest jobs first, so that no core is idle at the end
    conda:
        "../../envs/softshot.yaml"
    resources:
        gpu=1,
        mem_mb=lambda wildcards, attempt: memory(run_of(wildcards).model, attempt, run_of(wildcards).method),
        runtime=minutes_of_run(allocation.tuning_minutes),
    params:
        settings=settings_of_run(slices.tuning_slice),
        code=of_run(lambda study, run: code.tuning(run.method)),
        seed=of_run(lambda study, run: f"{run.seed} --trial" if run.rate else run.seed),
    shell:
        # Told to stop, a shell would end at once and have its cluster job ended before the state is saved: exec, no shell.
        "exec python -m softshot.launch --gpus {resources.gpu} --jobs-per-gpu $JOBS_PER_GPU"
        " python -m softshot.tuning --settings {params.settings:q} --seed {params.seed}"
        " --model {input.model:q} --train {input.train:q} --validation {input.validation:q}"
        " --train-demonstrations {input.train_demonstrations:q}"
        " --validation-demonstrations {input.validation_demonstrations:q}"
        " --rate {input.rate:q} --trials {input.trials:q}"
        " --threads {threads} --max-tokens $MAX_TOKENS --out $(dirname {output.tuning:q}) > {log:q} 2>&1"


use rule tune as tune_temporary with:
    output:
        adapter=temp(directory("<results>/runs/{run}/adapter")),  # as large as the model: gone when it is used
        history="<results>/runs/{run}/history.jsonl",
        tuning="<results>/runs/{run}/tuning.json",
    wildcard_constraints:
        run=flow.tuned_folders(STUDY, temporary=True),
    priority: 0  # as that of predictions, of which those that free such an adapter come first


rule choose:
    """Choose the learning rate with the lowest validation loss among those that the first seed has tried."""
    input:
        trials=lambda wildcards: flow.trial_notes(STUDY, VARIANTS[wildcards.variant]),
    output:
        rate="<results>/runs/{variant}/rate.json",
    log:
        "<results>/logs/tuning/{variant}/rate.log",
    conda:
        "../../envs/softshot.yaml"
    params:
        code=code.choice(),
    shell:
        "python -m softshot.tuning.choose --trials {input.trials:q} --out {output.rate:q} > {log:q} 2>&1"
