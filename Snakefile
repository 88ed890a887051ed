"""windrow: from an archive of GRIB files to a verified machine-learned weather model.

    snakemake                                          the embedded sample, on this machine
    snakemake --configfile config/era5-uk.yaml -n      what would run, and why
    snakemake --profile profiles/slurm --configfile config/gmd2022.yaml

The stages follow each other as the includes do; README.md has the picture.
"""

from snakemake.utils import min_version

min_version("9.20")


if not workflow.overwrite_configfiles:  # else the sample's keys would be merged into the given file's

    configfile: "config/sample.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/hardware.smk"
include: "workflow/rules/inventory.smk"
include: "workflow/rules/audit.smk"
include: "workflow/rules/extract.smk"
include: "workflow/rules/statics.smk"
include: "workflow/rules/statistics.smk"
include: "workflow/rules/shards.smk"
include: "workflow/rules/damping.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/forecast.smk"
include: "workflow/rules/export.smk"
include: "workflow/rules/verify.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/compare.smk"


onstart:
    prepare_run(log)


onerror:
    say_why(log)


rule all:
    default_target: True
    input:
        expand("results/{dataset}/audit.json", dataset=DATASET),
        expand("results/{dataset}/shards/zarr.json", dataset=DATASET),
        expand("results/{dataset}/shards/blocks/{year}.json", dataset=DATASET, year=sorted(BLOCKS)),
        expand(
            "results/{dataset}/{experiment}/{split}/report.html",
            dataset=DATASET,
            experiment=sorted(CONFIG.experiments),
            split=CONFIG.verification.splits,
        ),
        expand("results/{dataset}/{experiment}/model.onnx", dataset=DATASET, experiment=EXPORTED),
        expand(
            "results/{dataset}/comparison/{split}/comparison.html",
            dataset=DATASET,
            split=CONFIG.verification.splits,
        ),
