"""In: the extracted months. Out: one Zarr group; its metadata by one job, each block by a job of its own."""


rule shards_layout:
    input:
        months=month_paths("results/{dataset}/extracted/{year}/{month}.nc", MONTHS),
        sources=sources("shards_layout"),
    output:
        group="results/{dataset}/shards/zarr.json",
        data="results/{dataset}/shards/data/zarr.json",
        coordinates=expand(
            "results/{{dataset}}/shards/{name}/{file}",
            name=["time", "variable", "latitude", "longitude"],
            file=["zarr.json", "c/0"],
        ),
    log:
        "logs/{dataset}/shards_layout.log",
    benchmark:
        "results/{dataset}/benchmark/shards_layout.tsv"
    priority: 1  # before anything long: it checks that all months lie on one grid
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=settings("shards_layout"),
        shards=lambda wildcards: f"results/{wildcards.dataset}/shards",
    shell:
        """
        windrow shards_layout \
            --settings {params.settings:q} \
            --extracted {input.months:q} \
            --shards {params.shards:q} \
            2>&1 | tee {log:q}
        """


rule shards:
    input:
        months=extracted_of_block,
        sources=sources("shards"),
    output:
        block="results/{dataset}/shards/data/c/{block}/0/0/0",
    log:
        "logs/{dataset}/shards/{block}.log",
    benchmark:
        "results/{dataset}/benchmark/shards/{block}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=settings("shards"),
    shell:
        """
        windrow shards \
            --settings {params.settings:q} \
            --extracted {input.months:q} \
            --block {wildcards.block:q} \
            --output {output.block:q} \
            2>&1 | tee {log:q}
        """
