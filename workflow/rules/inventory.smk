"""In: the GRIB files of a month. Out: a list of their fields: where each lies, what it is and of which time."""


rule inventory:
    output:
        inventory="results/inventory/{archive}/{year}/{month}.json",
    log:
        "logs/inventory/{archive}/{year}-{month}.log",
    benchmark:
        "results/inventory/{archive}/benchmark/inventory/{year}-{month}.tsv"
    priority: 100  # all before anything is computed
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=memory("inventory", "year", "month"),
        runtime=minutes("inventory", "year", "month"),
    params:
        settings=settings("inventory"),
        sources=sources("inventory"),
        root=archive_root,
        archive=state_of_archive,  # instead of files as input: a moved archive is the same
    shell:
        """
        windrow inventory \
            --settings {params.settings:q} \
            --archive={params.root:q} \
            --month {wildcards.year:q}-{wildcards.month:q} \
            --output {output.inventory:q} \
            2>&1 | tee {log:q}
        """
