"""`make demo`: softmax regression and an MLP on the embedded digits, many seeds at once, and a table."""

import argparse
import time

from dlx.run import start
from experiments import mlp, softmax_regression


def main() -> None:
    """Trains both and prints a table and the paths of the reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8, help="replicas of each model, trained at once")
    seeds = parser.parse_args().seeds
    # ten epochs a line: the table is what the demonstration is for
    common = {
        "dataset": "digits",
        "seeds": seeds,
        "epochs": 60,
        "batch_size": 32,
        "log_every": 440,
        "evaluate_every": 440,
        "checkpoint_every": 440,
    }
    runs = [
        ("softmax regression", softmax_regression, softmax_regression.Config(**common)),
        ("MLP 64-256-10", mlp, mlp.Config(**common)),
    ]
    rows, reports = [], []
    for title, experiment, config in runs:
        print(f"\n{title}: {seeds} seeds, {config.dataset}", flush=True)
        start(config)
        began = time.perf_counter()
        result = experiment.main(config)
        accuracy = result["metrics"]["test_accuracy"]
        rows.append((title, f"{accuracy['mean']:.4f} +- {accuracy['std']:.4f}", f"{min(accuracy['per_seed']):.4f}",
                     f"{max(accuracy['per_seed']):.4f}", f"{time.perf_counter() - began:.1f} s"))  # fmt: skip
        reports.append(f"{result['run_folder']}/report.html")
    header = (f"{seeds} seeds at once", "test accuracy", "worst seed", "best seed", "wall clock")
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    print()
    for row in (header, tuple("-" * width for width in widths), *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print("\nReports, to open in a browser:", *reports, sep="\n  ")
    print("\nNext: python -m experiments   lists every experiment; each has --help.")


if __name__ == "__main__":
    main()
