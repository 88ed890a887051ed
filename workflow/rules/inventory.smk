"""In: the GRIB files of a month. Out: a list of their messages and of the hours that are missing or doubled."""


rule inventory:
    input:
        archive=archive_of_month,
        sources=sources("inventory"),
    output:
        inventory="results/inventory/{archive}/{year}/{month}.json",
    log:
        "logs/inventory/{archive}/{year}-{month}.log",
    benchmark:
        "results/inventory/{archive}/benchmark/inventory/{year}-{month}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        settings=settings("inventory"),
    shell:
        """
        windrow inventory \
            --settings {params.settings:q} \
            --month {wildcards.year:q}-{wildcards.month:q} \
            --output {output.inventory:q} \
            2>&1 | tee {log:q}
        """
