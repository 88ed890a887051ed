import subprocess
import sys

import pytest

from windrow.errors import UserError
from windrow.report import published


def test_the_papers_curves_are_those_that_were_read_off_its_figures() -> None:
    curves = {(one.score, one.experiment): one for one in published.read("gmd2022")}
    assert set(curves) == {("mse", "day_before")} | {
        (score, experiment) for score in ("mse", "acc", "ssim") for experiment in ("savp", "convlstm")
    }
    savp, convlstm = curves["mse", "savp"], curves["mse", "convlstm"]
    assert savp.lead_times == convlstm.lead_times == (1.0, 3.0, 6.0, 9.0, 12.0)
    assert savp.values == (0.14, 0.58, 1.23, 1.79, 2.29)
    assert convlstm.values[-1] == 3.63
    assert (savp.uncertainty, curves["acc", "savp"].uncertainty) == (0.1, 0.01)
    assert curves["ssim", "convlstm"].values == (0.9, 0.796, 0.695, 0.661, 0.663)
    assert {one.variable for one in curves.values()} == {"2t"}
    assert all("10.5194/gmd-15-8931-2022" in one.source for one in curves.values())


def test_one_value_for_all_lead_times_has_none() -> None:
    (persistence,) = [one for one in published.read("gmd2022") if one.experiment == "day_before"]
    assert (persistence.lead_times, persistence.values) == ((), (6.8,))


def test_publications_are_known_by_name_and_another_one_is_refused() -> None:
    assert published.names() == ("gmd2022",)
    with pytest.raises(
        UserError, match=r"there are no published curves nature1999; report\.published may be gmd2022"
    ):
        published.read("nature1999")


def test_curves_are_read_without_heavy_imports() -> None:
    script = "import sys; from windrow.report import published; published.read('gmd2022'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"numpy", "xarray", "matplotlib"} & set(done.stdout.split())
