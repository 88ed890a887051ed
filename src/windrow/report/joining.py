"""Scores of several experiments on the samples that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
import numpy.typing as npt
import xarray as xr

from windrow.errors import UserError
from windrow.report.text import enumeration
from windrow.verification.aggregate import baselines_of, experiment_of, select

POINTS = ("latitude", "longitude")


@dataclass(frozen=True)
class Comparison:
    """Scores of several experiments and of the baselines on the same samples.

    Attributes
    ----------
    samples
        How many initial times each experiment has by itself.
    foreign
        Pairs of an experiment and a baseline that is of other points, and says nothing of the experiment.
    """

    scores: xr.Dataset
    experiments: tuple[str, ...]
    baselines: tuple[str, ...]
    samples: dict[str, int]
    foreign: frozenset[tuple[str, str]] = field(default_factory=frozenset)

    @property
    def shared(self) -> int:
        """Number of samples that all experiments have."""
        return self.scores.sizes["init_time"]


def side_by_side(scores: Sequence[xr.Dataset], *, region: str | None = None) -> Comparison:
    """Join scores: forecasts of all, baselines once, common variables, lead and initial times only.

    A sample that an experiment has no number for is left out for all of them. Baselines of experiments on other
    points are others: their names get that of the first experiment that has them.

    Parameters
    ----------
    region
        To compare in, if it is not the whole domain: one of `verification.regions` that all have.

    Raises
    ------
    UserError
        If an experiment comes twice, nothing is common, a region is unknown, or baselines differ on the same points.
    """
    experiments = tuple(experiment_of(one) for one in scores)
    if len(set(experiments)) < len(experiments):
        raise UserError(f"two of the scores are of the same experiment ({', '.join(experiments)}); give each once")
    if region is not None:
        scores = [_in_region(one, region, name) for one, name in zip(scores, experiments, strict=True)]
    kept = _common(scores, experiments)
    groups = _groups(kept, experiments)
    parts, baselines, foreign = [], [], set()
    for number, group in enumerate(groups):
        first = kept[group[0]]
        own = baselines_of(first)
        names = [f"{name} ({experiments[group[0]]})" if len(groups) > 1 else name for name in own]
        parts.append(first.sel(forecast=list(own)).assign_coords(forecast=np.array(names, dtype=object)))
        baselines += names
        foreign |= {
            (experiments[place], name)
            for other, places in enumerate(groups)
            if other != number
            for place in places
            for name in names
        }
    joined = xr.concat(
        [*(one.isel(forecast=[0]) for one in kept), *parts],
        dim="forecast",
        data_vars="minimal",
        coords="minimal",
        compat="override",
        join="exact",
        combine_attrs="drop",
    )
    counts = {name: one.sizes["init_time"] for name, one in zip(experiments, scores, strict=True)}
    return Comparison(_whole(joined, len(experiments)), experiments, tuple(baselines), counts, frozenset(foreign))


def _in_region(scores: xr.Dataset, region: str, experiment: str) -> xr.Dataset:
    known = [str(name) for name in np.atleast_1d(scores["region"].values)] if "region" in scores.coords else []
    if region not in known:
        raise UserError(f"{experiment} was not scored in a region {region}; add it to verification.regions")
    return select(scores, region=region, weighting=None)


def _common(scores: Sequence[xr.Dataset], experiments: Sequence[str]) -> list[xr.Dataset]:
    """The scores of each sample at the common coordinates, the variables in the order of the first.

    Thresholds are quantiles of the truth that an experiment was scored on; where they differ, nothing of them is kept.
    """
    chosen = {}
    for name, said in (("variable", "variable"), ("lead_time", "lead time"), ("init_time", "initial time")):
        values = reduce(np.intersect1d, [one[name].values for one in scores])
        if not len(values):
            remedy = "score them on the same split" if name == "init_time" else "give them the same"
            raise UserError(f"{enumeration(list(experiments))} have no {said} in common; {remedy}")
        first = scores[0][name].values
        chosen[name] = first[np.isin(first, values)]
    shared = set.intersection(*(set(map(str, one.data_vars)) for one in scores))
    limits = [one["threshold_value"].values for one in scores if "threshold_value" in shared]
    alike = all(np.array_equal(one, limits[0]) for one in limits)
    found = []
    for one in scores:
        kept = [
            name
            for name in sorted(shared)
            if "init_time" in one[name].dims or name in {"units", "threshold_value"}
        ]
        names = [name for name in kept if alike or "threshold" not in one[name].dims]
        found.append(one[names].sel(chosen).drop_vars(POINTS, errors="ignore"))
    same = [one["units"].values.tolist() == found[0]["units"].values.tolist() for one in found]
    if not all(same):
        other = experiments[same.index(False)]
        raise UserError(f"{other} and {experiments[0]} have other units; extract them alike")
    return found


def _groups(kept: Sequence[xr.Dataset], experiments: Sequence[str]) -> list[list[int]]:
    """Places of the experiments whose baselines are the same, by the mean squared error of each sample."""
    groups: list[list[int]] = []
    for place, one in enumerate(kept):
        for group in groups:
            if _same_baselines(kept[group[0]], one, experiments[group[0]], experiments[place]):
                group.append(place)
                break
        else:
            groups.append([place])
    return groups


def _same_baselines(first: xr.Dataset, other: xr.Dataset, name: str, other_name: str) -> bool:
    """Whether they have the same baselines; on other points all of them differ.

    Raises
    ------
    UserError
        If only some differ, or their names do: then a part was scored again with other settings or data.
    """
    both = [baseline for baseline in baselines_of(first) if baseline in baselines_of(other)]
    same = [
        np.allclose(_mse(first, baseline), _mse(other, baseline), rtol=1e-6, equal_nan=True) for baseline in both
    ]
    if both and not any(same):
        return False
    if baselines_of(first) != baselines_of(other):
        raise UserError(
            f"{other_name} and {name} were scored with other baselines; "
            "give them the same and run the stage verify again"
        )
    if not all(same):
        raise UserError(
            f"the baselines of {other_name} and {name} differ on the same samples; run the stage verify again for both"
        )
    return True


def _mse(scores: xr.Dataset, baseline: str) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = select(scores)["mse"].sel(forecast=baseline).values
    return found


def _whole(joined: xr.Dataset, experiments: int) -> xr.Dataset:
    """Without numbers at samples of a variable and a lead time that an experiment has none for."""
    valid = select(joined)["mse"].isel(forecast=slice(experiments)).notnull().all("forecast")
    if bool(valid.all()):
        return joined
    scores = {name: one.where(valid) for name, one in joined.data_vars.items() if "init_time" in one.dims}
    return joined.assign(scores)


def renamed(scores: xr.Dataset, name: str) -> xr.Dataset:
    """The same with another name for the experiment."""
    names = [name, *baselines_of(scores)]
    return scores.assign_coords(forecast=np.array(names, dtype=object))
