"""In: the forecasts, the truth, the climatology. Out: scores of the model and of every baseline."""


rule verify:
    input:
        forecasts="results/{dataset}/{experiment}/{split}/forecasts.zarr",
        blocks=blocks_of_verification,
        climatology="results/{dataset}/climatology.nc",
        statistics="results/{dataset}/statistics.json",
        damping=damping_of_dataset,
        external=files_of_external,
    output:
        scores="results/{dataset}/{experiment}/{split}/scores.nc",
    log:
        "logs/{dataset}/verify/{experiment}-{split}.log",
    benchmark:
        "results/{dataset}/benchmark/verify/{experiment}-{split}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 2
    resources:
        mem_mb=memory("verify", "experiment", "split"),
        runtime=minutes("verify", "experiment", "split"),
        tasks=1,
        dask="",
    params:
        settings=settings("verify"),
        sources=sources("verify"),
        shards=lambda wildcards: f"results/{wildcards.dataset}/shards",
        launcher=launcher,
    shell:
        """
        {params.launcher} verify \
            --settings {params.settings:q} \
            --forecasts {input.forecasts:q} \
            --shards {params.shards:q} \
            --climatology {input.climatology:q} \
            --statistics {input.statistics:q} \
            --damping {input.damping:q} \
            --threads {threads} \
            --dask {resources.dask:q} \
            --ranks {resources.tasks} \
            --output {output.scores:q} \
            2>&1 | tee {log:q}
        """
