"""In: a trained model and the blocks of a split. Out: a forecast from every valid window of the split."""


rule forecast:
    input:
        blocks=blocks_of_split,
        climatology="results/{dataset}/climatology.nc",
        model="results/{dataset}/{experiment}/model.ckpt",
    output:
        forecasts=directory("results/{dataset}/{experiment}/{split}/forecasts.zarr"),
    log:
        "logs/{dataset}/forecast/{experiment}-{split}.log",
    benchmark:
        "results/{dataset}/benchmark/forecast/{experiment}-{split}.tsv"
    conda:
        "../../envs/train.yaml"
    threads: 8
    resources:
        mem_mb=memory("forecast", "experiment", "split"),
        runtime=minutes("forecast", "experiment", "split"),
        nodes=nodes_of_training,
        devices=devices_of_training,
        tasks=ranks_of_training,
        tasks_per_gpu=0,  # else SLURM's executor takes the number of all tasks for it
        gres=gpus_of_training,
        mpi=mpi_of_training,
        launcher="",
    params:
        settings=settings("forecast", "experiment", "split"),
        sources=sources_and_model("forecast"),
        shards=lambda wildcards: f"results/{wildcards.dataset}/shards",
    shell:
        """
        windrow forecast \
            --settings {params.settings:q} \
            --shards {params.shards:q} \
            --climatology {input.climatology:q} \
            --model {input.model:q} \
            --threads {threads} \
            --nodes {resources.nodes} \
            --devices {resources.devices} \
            --launcher {resources.launcher:q} \
            --output {output.forecasts:q} \
            2>&1 | tee {log:q}
        """
