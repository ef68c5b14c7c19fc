"""Each experiment's recorded short run, repeated as a user would: its metric is still what it was."""

from pathlib import Path

import pytest

from tools.results_presets import agrees, allowed, command, load_presets
from tools.results_record import documented, run

ROOT = Path(__file__).resolve().parents[2]
PRESETS = load_presets(ROOT / "results")


def test_every_experiment_has_a_preset():
    assert {experiment.name for experiment in documented(ROOT / "experiments")} == set(PRESETS)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PRESETS))
def test_preset(name, tmp_path):
    preset = PRESETS[name]
    result, _ = run(command(name, preset), tmp_path, root=ROOT)
    found = result["metrics"][preset["metric"]]
    assert agrees(preset, result), (
        f"{preset['metric']} {found['mean']} of {len(result['seeds'])} seeds, failed {result['failed_seeds']}; "
        f"recorded {preset['mean']} +- {allowed(preset)} of {preset['seeds']}"
    )
