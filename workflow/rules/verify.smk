"""In: the forecasts, the truth, the climatology. Out: scores of the model and of every baseline."""


rule verify:
    input:
        forecasts="results/{dataset}/{experiment}/{split}/forecasts.zarr",
        blocks=blocks_of_verification,
        climatology="results/{dataset}/climatology.nc",
        statistics="results/{dataset}/statistics.json",
        damping=damping_of_dataset,
        external=files_of_external,
        sources=sources("verify"),
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
        mem_mb=4000,
        runtime=60,
        dask="",
    params:
        settings=settings("verify"),
        shards=lambda wildcards: f"results/{wildcards.dataset}/shards",
    shell:
        """
        windrow verify \
            --settings {params.settings:q} \
            --forecasts {input.forecasts:q} \
            --shards {params.shards:q} \
            --climatology {input.climatology:q} \
            --statistics {input.statistics:q} \
            --damping {input.damping:q} \
            --threads {threads} \
            --dask {resources.dask:q} \
            --output {output.scores:q} \
            2>&1 | tee {log:q}
        """
