"""In: the blocks of the training and validation splits, the statistics. Out: the model and its history."""


rule train:
    input:
        blocks=blocks_of_training,
        statistics="results/{dataset}/statistics.json",
        climatology="results/{dataset}/climatology.nc",
        statics="results/{dataset}/statics.nc",
    output:
        model="results/{dataset}/{experiment}/model.ckpt",
        history="results/{dataset}/{experiment}/history.json",
    log:
        "logs/{dataset}/train/{experiment}.log",
    benchmark:
        "results/{dataset}/benchmark/train/{experiment}.tsv"
    conda:
        "../../envs/train.yaml"
    threads: 8
    resources:
        mem_mb=memory("train", "experiment"),
        runtime=minutes("train", "experiment"),
        nodes=nodes_of_training,
        devices=devices_of_training,
        tasks=ranks_of_training,
        tasks_per_gpu=0,  # else SLURM's executor takes the number of all tasks for it
        gres=gpus_of_training,
        mpi=mpi_of_training,
        launcher="",
    params:
        settings=settings("train", "experiment"),
        sources=sources_and_model("train"),
        shards=lambda wildcards: f"results/{wildcards.dataset}/shards",
        work=lambda wildcards: f"results/{wildcards.dataset}/{wildcards.experiment}/training",
    shell:
        """
        windrow train \
            --settings {params.settings:q} \
            --shards {params.shards:q} \
            --statistics {input.statistics:q} \
            --climatology {input.climatology:q} \
            --statics {input.statics:q} \
            --work {params.work:q} \
            --threads {threads} \
            --launcher {resources.launcher:q} \
            --model {output.model:q} \
            --history {output.history:q} \
            2>&1 | tee {log:q}
        """
