# Snakemake runs this in the new environment, at the checkout: windrow itself, whose packages are there already.
set -e
python -m pip install --no-deps --no-build-isolation --editable .
