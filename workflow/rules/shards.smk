"""In: the extracted months. Out: one Zarr group; its metadata by one job, its blocks by a job per year."""


rule shards_layout:
    input:
        months=month_paths("results/{dataset}/extracted/{year}/{month}.nc", MONTHS),
    output:
        group="results/{dataset}/shards/zarr.json",
        data="results/{dataset}/shards/data/zarr.json",
        coordinates=expand("results/{{dataset}}/shards/{file}", file=coordinate_files()),
    log:
        "logs/{dataset}/shards_layout.log",
    benchmark:
        "results/{dataset}/benchmark/shards_layout.tsv"
    priority: 1  # before anything long: it checks that all months lie on one grid
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=memory("shards_layout"),
        runtime=minutes("shards_layout"),
    params:
        settings=settings("shards_layout"),
        sources=sources("shards_layout"),
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
        months=extracted_of_year,
    output:
        manifest="results/{dataset}/shards/blocks/{year}.json",
    log:
        "logs/{dataset}/shards/{year}.log",
    benchmark:
        "results/{dataset}/benchmark/shards/{year}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=memory("shards", "year"),
        runtime=minutes("shards", "year"),
        tasks=1,
    params:
        settings=settings("shards", "year"),
        sources=sources("shards"),
        launcher=launcher,
    shell:
        """
        {params.launcher} shards \
            --settings {params.settings:q} \
            --year {wildcards.year:q} \
            --extracted {input.months:q} \
            --ranks {resources.tasks} \
            --output {output.manifest:q} \
            2>&1 | tee {log:q}
        """
