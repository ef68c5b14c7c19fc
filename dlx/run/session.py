"""A run: the fit of an experiment with its folder, log, checkpoints, exact resume, result and report."""

import contextlib
import sys
import time
import types
from collections.abc import Callable, Mapping
from typing import Any, Self

import jax
import numpy as np
from jax.sharding import PartitionSpec as P

from dlx import train as engine
from dlx.data import check
from dlx.run.console import Console, TensorBoard
from dlx.run.environment import environment
from dlx.run.folder import open_folder
from dlx.run.lock import RunLock
from dlx.run.options import Options
from dlx.run.plan import period, score, state_digest, steps_per_epoch, total_steps
from dlx.run.records import Records, metric_names, read_records
from dlx.run.report import write_report
from dlx.run.result import build_result, replica_labels, score_name
from dlx.run.signals import StopOnSignal
from dlx.run.startup import is_main_process, start
from dlx.run.store import open_store, restore
from dlx.run.strict_json import write
from dlx.run.weights import WeightsOptions, save_replicas

__all__ = ["Run", "open_run", "train"]


def train(config: Options, task: engine.Supervised, data: Any, *, after: Callable | None = None) -> dict:
    """Trains on `data.train`, evaluates on `data.test`, writes the log and the report.

    Args:
      config: of the experiment.
      task: init, step and measure.
      data: a Dataset, or anything with `train` and `test`.
      after: after(run, state) -> further metrics {name: (replicas,)} or None; may add pictures and tables to the run.
        `state` is on the host, stacked over replicas.
    Returns: the result, see `build_result`.
    """
    _check_data(config, data)
    with open_run(config) as run:
        state = run.fit(task.step, task.init, data.train, measured={"test": (task.measure, data.test)})
        own = run.layout.fetch("state", state)
        if isinstance(config, WeightsOptions):
            run.save_weights(own)
        more = after(run, own) if after else None
        return run.finish(more)


def open_run(config: Options) -> "Run":
    """A run whose folder is open, new or resumed, to be used as a context."""
    return Run(config)


class Run:
    """What `train` is made of, for experiments that are not supervised.

        with open_run(config) as run:
            state = run.fit(step, init, data)
            run.picture("samples", figure)
            return run.finish({"test_error": errors})

    Every process of a run makes the same calls; only the first writes and prints.

    Fields:
      config, folder: of the run.
      layout: where the state lies, once `fit` was called.
      stopped: what stops the fit at a signal.
    """

    layout: engine.Layout

    def __init__(self, config: Options) -> None:
        start(config)
        self._started = time.perf_counter()
        self.config, self.writes = config, is_main_process()
        self.folder = open_folder(config)
        self.lock = RunLock(self.folder.path) if self.writes else None
        self.environment = environment()
        if self.writes:
            self.folder.add_environment(self.environment)
        self.records = Records(self.folder.metrics if self.writes else None)
        self.stopped = StopOnSignal()
        self.pictures: dict[str, Any] = {}
        self.tables: dict[str, Any] = {}
        self.texts: dict[str, Any] = {}
        self.final: dict[str, np.ndarray] = {}
        self.step, self.digest = 0, ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: types.TracebackType | None) -> None:
        self.records.close()
        if self.lock:
            self.lock.close()

    def fit(
        self, step: Callable, init: Callable, data: Any = None, *,
        measured: Mapping[str, tuple[Callable, Any]] | None = None, spec: Any = P(), derived: Callable | None = None,
    ) -> Any:  # fmt: skip
        """Runs the step as the configuration says, from the beginning or from the last checkpoint.

        Args:
          step, init, data: as `dlx.train.fit` takes them.
          measured: prefix -> (measure, data), as {"test": (task.measure, data.test)}.
          spec: which leaves of the state are cut over devices, see `make_layout`.
          derived: derived({name: (replicas,)}) -> further metrics, computed from the means of each line of the log and
            of the result, as `dlx.train.perplexities`.
        Returns: the state, stacked over replicas, as `self.layout` has placed it.
        Raises: SystemExit after a signal, when the state has been saved.
        """
        config = self.config
        replicas, batch_size = len(replica_labels(config)), None if data is None else config.batch_size
        per_epoch = steps_per_epoch(data, config.batch_size)
        steps = total_steps(config, per_epoch)
        self.layout = engine.make_layout(
            replicas, devices=config.devices, parallel=config.parallel, each=config.map, spec=spec,
            batch_size=batch_size,
        )  # fmt: skip
        evaluators = {
            prefix: engine.evaluator(measure, held, layout=self.layout)
            for prefix, (measure, held) in (measured or {}).items()
        }
        evaluate = engine.Evaluate(evaluators, every=period(config.evaluate_every, per_epoch, steps, most=100))
        finite = engine.StopOnNonFinite(
            [label.replace("seed_", "seed ") for label in replica_labels(config)], self.layout, report=self.note
        )
        if isinstance(config, WeightsOptions) and config.evaluate_only:
            state = engine.initialise(init, config.seed_values, config.sweep_values() or None)
            self.digest = state_digest(state)
            state = self.layout.place("state", state)
            self.final = evaluate.at(0, state)
            return state
        with contextlib.ExitStack() as closing:
            store = open_store(config, self.folder, closing, writes=self.writes)
            resume = self._restore(store, init)
            if self.folder.resumed and self.writes:
                self.folder.write_config(config)
            hooks: list[Any] = [evaluate, finite, *([engine.Derive(derived)] if derived else []), self.records]
            if self.writes:
                hooks.append(closing.enter_context(contextlib.closing(Console(stop=self.stopped))))
                hooks[-1].begin(resume[0] if resume else 0)
                if config.tensorboard:
                    board = TensorBoard(
                        self.folder.tensorboard, replica_labels(config), step=resume[0] if resume else 0
                    )
                    hooks.append(closing.enter_context(contextlib.closing(board)))
            hooks.append(self.stopped)
            if store is not None:
                hooks.append(self._saving(store, period(config.checkpoint_every, per_epoch, steps, most=10)))
            closing.enter_context(self.stopped.listening())
            state, done = engine.fit(
                step, init, data, steps=steps, batch_size=batch_size, seeds=config.seed_values,
                sweep=config.sweep_values() or None, hooks=hooks, log_every=config.log_every, layout=self.layout,
                resume=resume,
            )  # fmt: skip
        self.step = done[-1]["step"] if done else steps
        if self.stopped.exit_code:
            self.note(f"Stopped by {self.stopped.reason} after step {self.step} of {steps}" + self._how_to_resume())
            raise SystemExit(self.stopped.exit_code)
        self.final = {**self._last_metrics(per_epoch or config.log_every), **evaluate.at(self.step, state)}
        # what is derived is no mean of what the lines have
        self.final.update(derived(self.final) if derived else {})
        self.digest = state_digest(self.layout.fetch("state", state))
        return state

    def note(self, line: str) -> None:
        """A line for the person, on standard error."""
        if self.writes:
            print(line, file=sys.stderr, flush=True)

    def picture(self, caption: str, picture: Any) -> None:
        """Adds a picture to the report: PNG bytes, a matplotlib figure, or an array of images (see `as_png`)."""
        self.pictures[caption] = picture

    def show_answers(self, model: Any, state: Any, data: Any, prepare: Callable) -> None:
        """Adds the confusion matrix of the first replica on `data.test` and, for images, its most certain mistakes.

        Args:
          model: a classifier, called as model(inputs).
          state: of supervised learning, on the host, stacked over replicas.
          data: a Dataset.
          prepare: batch -> batch, as in training.
        """
        from dlx.run.figures import confusion_figure, mistakes_figure

        params, others = jax.tree.map(
            lambda a: a[0], (state.params if state.ema is None else state.ema, state.model_state)
        )
        variables = {"params": params, **others}
        answer = jax.jit(
            lambda variables, inputs: jax.nn.softmax(model.apply(variables, prepare({"inputs": inputs})["inputs"]))
        )
        inputs, labels = data.test["inputs"], np.asarray(data.test["labels"])
        probabilities = np.concatenate([answer(variables, inputs[i : i + 1000]) for i in range(0, len(inputs), 1000)])
        seed = f"seed {self.config.seed}"
        if inputs.ndim == 4:
            self.picture(f"Its most certain mistakes ({seed}): true class, answer, certainty",
                         mistakes_figure(inputs, labels, probabilities, classes=data.card.classes))  # fmt: skip
        self.picture(
            f"Answers by true class ({seed})",
            confusion_figure(labels, probabilities.argmax(1), classes=data.card.classes),
        )

    def save_weights(self, state: Any) -> None:
        """Writes the weights of each replica beside the report: weights.safetensors, of several weights-seed_0...

        Args:
          state: of supervised learning, on the host, stacked over replicas.
        """
        if self.writes:
            for path in save_replicas(self.folder.path, replica_labels(self.config), state):
                print(f"weights: {path}")

    def table(self, caption: str, rows: Any) -> None:
        """Adds a table to the report, the first row its header."""
        self.tables[caption] = rows

    def text(self, caption: str, texts: Mapping[str, str]) -> None:
        """Adds texts to the report as they are, line breaks too: label -> text."""
        self.texts[caption] = texts

    def finish(self, metrics: Mapping[str, Any] | None = None, **more: Any) -> dict:
        """Writes summary.json and report.html and returns the result.

        Args:
          metrics: name -> (replicas,) or a number, beside those of the fit.
          more: fields of the result that the experiment adds.
        """
        result = build_result(
            self.config, {**self.final, **(metrics or {})}, steps=self.step,
            seconds=self.records.seconds_before + time.perf_counter() - self._started,
            examples_per_second=self.records.examples_per_second, compile_seconds=self.records.compile_seconds,
            folder=self.folder, state_sha256=self.digest, **more,
        )  # fmt: skip
        if self.writes:
            self.records.close()
            write(self.folder.summary, result)
            write_report(self.folder.report, self.config, result, read_records(self.folder.metrics), self.environment,
                         pictures=self.pictures, tables=self.tables, texts=self.texts)  # fmt: skip
            self._print_sweep(result)
            print(f"report: {self.folder.report}")
        return result

    def _print_sweep(self, result: Mapping[str, Any]) -> None:
        """A line for each value of a sweep: the metric that judges a run, mean and spread over its seeds."""
        name = score_name(result["metrics"])
        for row in result.get("sweep", []) if name else []:
            point = " ".join(f"{key}={value:g}" for key, value in row["values"].items())
            mark = "  best" if row["values"] == result["best"] else ""
            print(f"{point}  {name} {row['metrics'][name]['mean']:.4f} +- {row['metrics'][name]['std']:.4f}{mark}")

    def _saving(self, store: Any, every: int) -> Callable:
        save = engine.SaveCheckpoints(
            store, self.layout, every=every, meta=self._meta, score=score, whole=self.config.checkpoint == "orbax"
        )

        def hook(moment: engine.Moment) -> None:
            save.save(moment) if self.stopped.exit_code else save(moment)

        hook.every = every  # type: ignore[attr-defined]
        return hook

    def _meta(self) -> dict:
        return {"records": self.records.position(), "environment": self.environment["versions"]}

    def _restore(self, store: Any, init: Callable) -> tuple[int, Any] | None:
        """(step, state) of the newest checkpoint, the same in every process, or None for a fresh start."""
        if not self.folder.resumed:
            return None
        step, state = restore(self.config, store, init, self.layout, note=self.note)
        self.records.truncate(step)
        if step == 0:
            self.note(f"{self.folder.path} holds no checkpoint yet: starting at step 0.")
            return None
        self.note(f"Going on after step {step}.")
        return step, state

    def _last_metrics(self, window: int) -> dict[str, np.ndarray]:
        """Means of the logged training metrics over the last `window` steps."""
        lines = read_records(self.folder.metrics) if self.writes else []
        steps = [0, *(line["step"] for line in lines)]
        # a chunk that began before the window counts with what it has in it
        weights = np.diff(np.maximum(steps, self.step - window))
        names = [name for name in metric_names(lines) if name.startswith("train_")]
        return {name: np.average([line[name] for line in lines], axis=0, weights=weights) for name in names}

    def _how_to_resume(self) -> str:
        if self.config.checkpoint_every == 0:
            return "; nothing was saved (--checkpoint-every 0)."
        return f"; the state is saved. To go on: the same command with --name {self.folder.name} --resume"


def _check_data(config: Options, data: Any) -> None:
    """Names the first example that no loss can be computed of; data of a catalogue have been checked, one's own not."""
    classes = len(getattr(getattr(data, "card", None), "classes", ())) or None
    for split in ("train", "test"):
        examples = getattr(data, split)
        if isinstance(examples, Mapping) and "labels" in examples:
            check(examples, classes=classes, where=f"{getattr(data, 'name', config.dataset)} {split}")
