"""Steps whose loss or gradient is not finite: what they leave alone, how they are counted, and what follows."""

import csv
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.tiny import TINY
from support.training import built

from esrgan_tf.errors import TrainingStopped
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.callbacks import Callback
from esrgan_tf.training.distribution import make_strategy
from esrgan_tf.training.networks import build_networks
from esrgan_tf.training.objective import build_terms
from esrgan_tf.training.run import RunOptions, train_stage
from esrgan_tf.training.steps import make_record, make_train_step
from esrgan_tf.training.terms import ImageTerm, TermResult

ONE, TWO = "cpu", "mirrored:CPU:0,CPU:1"
# BatchNorm in generator and discriminator, a moving average, and a discriminator of its own.
RECIPE = override(
    TINY,
    {
        "generator": {"family": "srresnet", "scale": 2, "blocks": 1, "features": 4},
        "gan.ema_decay": 0.5,
        "gan.perceptual_weight": 0.0,
        "gan.best_by": "last",
    },
)


class PoisonedTerm(ImageTerm):
    """Pixel loss that is not a number in a batch whose first HR value is 255, on the replica that has it."""

    def __init__(self):
        super().__init__("pixel", 1.0, lambda sr, hr: tf.reduce_mean(abs(sr - hr)))

    def compute(self, images):
        poison = tf.where(images.hr[0, 0, 0, 0] == 1.0, float("nan"), 0.0)
        loss = self.measure(images.sr, images.hr) + poison
        return TermResult(loss, {self.name: loss})


def batch(poisoned_image=None):
    hr = np.random.default_rng(0).integers(0, 255, (4, 32, 32, 3)).astype(np.uint8)
    if poisoned_image is not None:
        hr[poisoned_image, 0, 0, 0] = 255
    return tf.constant(hr), tf.constant(hr[:, ::2, ::2])


def poisoned(strategy_name, precision="float32"):
    """(networks, terms, step, record) with a pixel term that a batch can poison."""
    keras.utils.set_random_seed(3)
    strategy = make_strategy(strategy_name)
    networks = build_networks(RECIPE, RECIPE.gan, precision, strategy)
    terms = build_terms(RECIPE, RECIPE.gan, networks, precision, strategy)
    terms = (PoisonedTerm(), *terms[1:])
    record = make_record(networks, terms)
    return networks, terms, make_train_step(networks, terms, strategy, record=record), record


def everything(networks, terms):
    """Copies of every variable of both networks and both optimizers, each replica's own."""
    owners = (networks.generator, networks.generator_optimizer, terms[-1].trainee.model, terms[-1].trainee.optimizer)
    variables = [variable.value for owner in owners for variable in owner.variables]
    parts = [part for variable in variables for part in getattr(variable, "values", [variable])]
    return [part.numpy() for part in parts]


def differing(before, after):
    return sum((a != b).any() for a, b in zip(before, after, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy_name", "poisoned_image"),
    [(ONE, 0), (TWO, 2)],
    ids=["one", "second of two"],
)
def test_a_step_that_is_not_finite_on_any_replica_changes_no_variable_at_all(strategy_name, poisoned_image):
    networks, terms, step, record = poisoned(strategy_name)
    step(*batch())
    before, sums = everything(networks, terms), record.state()
    assert not np.isfinite(float(step(*batch(poisoned_image))["pixel"]))
    assert differing(before, everything(networks, terms)) == 0
    assert record.state() == sums | {"in_a_row": 1}
    summary = record.fetch()
    assert (summary.in_a_row, summary.finite_steps, summary.skipped) == (1, 1, 1)
    assert [(skipped.steps_ago, skipped.cause) for skipped in summary.named] == [(0, "pixel")]
    np.testing.assert_array_equal(record.offending_batch()[0], batch(poisoned_image)[0])
    step(*batch())
    assert differing(before, everything(networks, terms)) > len(before) / 2
    assert record.fetch().in_a_row == 0


@pytest.mark.slow
def test_a_gradient_that_is_not_finite_is_skipped_and_named():
    networks, terms, _ = built(RECIPE, RECIPE.gan)

    @tf.custom_gradient
    def exploding(x):
        return x, lambda upstream: upstream * float("inf")

    class Exploding(ImageTerm):
        def compute(self, images):
            loss = tf.reduce_mean(exploding(images.sr))
            return TermResult(loss, {self.name: loss})

    terms = (Exploding("pixel", 1.0, None), *terms[1:])
    record = make_record(networks, terms)
    before = everything(networks, terms)
    make_train_step(networks, terms, make_strategy(ONE), record=record)(*batch())
    assert differing(before, everything(networks, terms)) == 0
    assert [skipped.cause for skipped in record.fetch().named] == ["gradient of the generator"]


@pytest.mark.slow
def test_an_overflow_of_the_loss_scale_is_the_optimizers_to_skip():
    networks, terms, step, record = poisoned(ONE, "mixed_float16")
    networks.generator_optimizer.dynamic_scale.assign(2.0**60)
    before = networks.generator.get_weights()
    step(*batch())
    assert float(networks.generator_optimizer.dynamic_scale.numpy()) == 2.0**59
    trained = [variable.numpy() for variable in networks.generator.trainable_variables]
    first = [weight for weight, v in zip(before, networks.generator.weights, strict=True) if v.trainable]
    assert differing(first, trained) == 0
    summary = record.fetch()
    assert (summary.skipped, summary.finite_steps) == (0, 1)


class PoisonFrom(Callback):
    """Makes the generator's output infinite by its last bias from a step on, as often as it comes there."""

    def __init__(self, step, times):
        self._step, self._times = step, times

    def on_step_begin(self, session):
        if session.step == self._step and self._times:
            self._times -= 1
            session.networks.generator.layers[-1].bias.assign([float("nan")] * 3)


def train(workdir, callbacks, lines, **changes):
    recipe = override(TINY, {"psnr.log_every": 1} | {f"psnr.{name}": value for name, value in changes.items()})
    options = RunOptions(workdir=str(workdir), data="dead_leaves", precision="float32")
    return train_stage(recipe, "psnr", options, callbacks, lines.append)


@pytest.mark.slow
def test_too_many_in_a_row_go_back_to_the_checkpoint_and_on_with_other_data(tmp_path):
    lines = []
    train(tmp_path, [PoisonFrom(4, 1)], lines, steps=9, max_nonfinite_steps=2)
    assert "skipped 1 steps, whose loss or gradient was not finite: 5 (pixel)" in lines
    (back,) = [line for line in lines if "in a row" in line]
    assert back.startswith("2 steps in a row were skipped: back from step 6 to the checkpoint of step 3")
    rows = list(csv.DictReader((tmp_path / "psnr/metrics.csv").open()))
    assert [row["step"] for row in rows] == ["3", "6", "9"]
    assert all(np.isfinite(float(value)) for row in rows for value in row.values())
    whole = tmp_path / "whole"
    train(whole, [], [], steps=9)
    undisturbed = list(csv.DictReader((whole / "psnr/metrics.csv").open()))
    assert rows[0] == undisturbed[0]
    assert rows[1]["train/pixel"] != undisturbed[1]["train/pixel"]  # other crops


@pytest.mark.slow
def test_a_run_that_went_back_resumes_with_the_data_of_its_round(tmp_path):
    train(tmp_path / "whole", [PoisonFrom(4, 1)], [], steps=9, max_nonfinite_steps=2)
    train(tmp_path / "parts", [PoisonFrom(4, 1)], [], steps=6, max_nonfinite_steps=2)
    train(tmp_path / "parts", [], [], steps=9, max_nonfinite_steps=2)
    whole, parts = ((tmp_path / run / "psnr/metrics.csv").read_text() for run in ("whole", "parts"))
    assert whole == parts


@pytest.mark.slow
def test_when_going_back_does_not_help_training_stops_with_a_report(tmp_path):
    lines = []
    with pytest.raises(TrainingStopped, match="loss term `pixel` is nan at step 5, .*up to step 6 .*learning_rate"):
        train(tmp_path, [PoisonFrom(4, 9)], lines, steps=9, max_nonfinite_steps=2, max_rollbacks=1)
    assert sum("in a row were skipped: back from step 6" in line for line in lines) == 1
    folder = tmp_path / "psnr/nonfinite"
    assert sorted(path.name for path in folder.iterdir()) == [f"step_0000006.{kind}" for kind in ("json", "npz", "png")]
    report = json.loads((folder / "step_0000006.json").read_text())
    assert (report["step"], report["in_a_row"], report["cause"]) == (6, 2, "pixel")
    assert report["loss_terms"] == {"pixel": "nan"}
    assert report["learning_rate"] == pytest.approx(1e-3)
    assert report["gradient_norms"].keys() == {"generator"}
    with np.load(folder / "step_0000006.npz") as stored:
        assert (stored["hr"].shape, stored["lr"].shape) == ((4, 32, 32, 3), (4, 16, 16, 3))
    assert Image.open(folder / "step_0000006.png").size[1] > 4 * 32
