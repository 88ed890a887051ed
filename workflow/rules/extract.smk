"""In: the inventory of a month and the messages it lists. Out: the domain's variables as netCDF."""


rule extract:
    input:
        inventory=expand("results/inventory/{archive}/{{year}}/{{month}}.json", archive=CONFIG.source.name),
    output:
        month="results/{dataset}/extracted/{year}/{month}.nc",
    log:
        "logs/{dataset}/extract/{year}-{month}.log",
    benchmark:
        "results/{dataset}/benchmark/extract/{year}-{month}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=memory("extract", "year", "month"),
        runtime=minutes("extract", "year", "month"),
    params:
        settings=settings("extract"),
        sources=sources("extract"),
        root=archive_root,
    shell:
        """
        windrow extract \
            --settings {params.settings:q} \
            --archive={params.root:q} \
            --inventory {input.inventory:q} \
            --output {output.month:q} \
            2>&1 | tee {log:q}
        """
