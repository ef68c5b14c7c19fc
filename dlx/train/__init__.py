"""Training: any pure step(state, batch) in compiled chunks, over seeds and devices, with exact resume."""

from dlx.train.batches import batch_table, evaluation_table, steps_per_epoch
from dlx.train.evaluate import evaluator
from dlx.train.feed import WindowSource
from dlx.train.fine_tuning import Copied, copy_parameters, fine_tuning_optimizer, replica_variables, start_from
from dlx.train.fit import Hook, Moment, fit, means
from dlx.train.hooks import Derive, Evaluate, SaveCheckpoints, StopOnNonFinite
from dlx.train.layout import Layout, make_layout
from dlx.train.program import measure_program, train_program
from dlx.train.recurrent import Recurrent, RecurrentState, perplexities, recurrent, text_rows
from dlx.train.replicas import from_first_process, initialise, sweep_points, template
from dlx.train.side_by_side import side_by_side
from dlx.train.stages import in_turn, smaller
from dlx.train.stream import GrainStream
from dlx.train.supervised import Supervised, SupervisedState, stream_key, supervised

__all__ = [
    "Copied",
    "Derive",
    "Evaluate",
    "GrainStream",
    "Hook",
    "Layout",
    "Moment",
    "Recurrent",
    "RecurrentState",
    "SaveCheckpoints",
    "StopOnNonFinite",
    "Supervised",
    "SupervisedState",
    "WindowSource",
    "batch_table",
    "copy_parameters",
    "evaluation_table",
    "evaluator",
    "fine_tuning_optimizer",
    "fit",
    "from_first_process",
    "in_turn",
    "initialise",
    "make_layout",
    "means",
    "measure_program",
    "perplexities",
    "recurrent",
    "replica_variables",
    "side_by_side",
    "smaller",
    "start_from",
    "steps_per_epoch",
    "stream_key",
    "supervised",
    "sweep_points",
    "template",
    "text_rows",
    "train_program",
]
