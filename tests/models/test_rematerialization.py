"""A rematerialized call is the model's own call, computed in segments whose maps are not kept."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from esrgan_tf.models import build_generator
from esrgan_tf.models.graph import steps_in_order
from esrgan_tf.models.rematerialization import _segments, rematerialized
from esrgan_tf.recipes import generators

DEEP = {
    "rrdb": generators.RRDBConfig(scale=2, blocks=3, features=4, growth=2, init_scale=1.0),
    "batch_norm": generators.RRDBConfig(scale=2, blocks=4, features=4, block="residual", batch_norm=True),
    "srresnet": generators.SRResNetConfig(scale=2, blocks=4, features=4),
    "msrresnet": generators.MSRResNetConfig(scale=2, blocks=4, features=4),
    "edsr": generators.EDSRConfig(scale=2, blocks=4, features=4),
    "rcan": generators.RCANConfig(scale=2, groups=2, blocks=3, features=16),
    "srvgg": generators.SRVGGConfig(scale=2, convs=8, features=4),
    "span": generators.SPANConfig(scale=2, blocks=4, features=4, branches=2),
    "phone": generators.PhoneConfig(scale=2, convs=8, features=4),
    "phone_skips": generators.PhoneConfig(scale=2, convs=8, features=4, skips=True),
}
IMAGES = np.random.default_rng(0).uniform(size=(2, 12, 12, 3)).astype(np.float32)


def built(name, dtype="float32"):
    keras.utils.set_random_seed(1)
    return build_generator(DEEP[name], "deep", dtype)


def after_one_step(model, call):
    """Output, gradients, and the state that the call leaves."""

    @tf.function
    def step(images):
        with tf.GradientTape() as tape:
            outputs = call(images)
            loss = tf.reduce_mean(tf.abs(outputs - 0.3))
        return outputs, tape.gradient(loss, [variable.value for variable in model.trainable_variables])

    outputs, gradients = step(IMAGES)
    return outputs.numpy(), [gradient.numpy() for gradient in gradients], model.get_weights()


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in ("rrdb", "edsr") else pytest.mark.slow) for name in DEEP],
)
def test_values_gradients_and_statistics_are_those_of_the_models_own_call(name):
    model, other = built(name), built(name)
    outputs, gradients, state = after_one_step(model, lambda images: model(images, training=True))
    again = after_one_step(other, rematerialized(other))
    np.testing.assert_allclose(again[0], outputs, rtol=0, atol=1e-6 * np.abs(outputs).max())
    for variable, expected, found in zip(model.trainable_variables, gradients, again[1], strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6 * np.abs(expected).max(), err_msg=variable.path)
    for expected, found in zip(state, again[2], strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7)


def test_batchnorms_statistics_move_once_a_call():
    model = built("batch_norm")
    before = [variable.numpy() for variable in model.non_trainable_variables]
    after_one_step(model, rematerialized(model))
    variances = [
        (old, variable.numpy())
        for old, variable in zip(before, model.non_trainable_variables, strict=True)
        if variable.path.endswith("moving_variance")
    ]
    # From 1, by momentum 0.9: once gives 0.9 + 0.1 v, twice 0.81 + 0.19 v.
    assert variances and all((old == 1).all() for old, _ in variances)
    assert min(new.min() for _, new in variances) == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize("name", DEEP)
def test_a_network_is_cut_between_its_blocks_where_the_fewest_channels_are_kept(name):
    steps = steps_in_order(built(name))
    segments = _segments(steps)
    assert len(segments) >= np.sqrt(len(steps)) - 2
    kept = [sum(x.shape[-1] for x in outputs) for _, outputs in segments[1:-1]]
    widest = max(step.output.shape[-1] for step in steps)
    assert np.median(kept) <= widest
    assert segments[-1][1][0] is steps[-1].output


def test_every_convolution_is_computed_twice_and_no_variable_is_made():
    model = built("rrdb")
    paths = [variable.path for variable in model.variables]
    call, variables = rematerialized(model), model.trainable_variables

    @tf.function
    def gradients(images, call):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(call(images))
        return tape.gradient(loss, [variable.value for variable in variables])

    def convolutions(call):
        graph = gradients.get_concrete_function(tf.TensorSpec(IMAGES.shape), call).graph
        return sum(operation.type == "Conv2D" for operation in graph.get_operations())

    assert convolutions(call) == 2 * convolutions(model)
    assert [variable.path for variable in model.variables] == paths


def test_mixed_precision_keeps_its_types():
    model = built("rrdb", "mixed_bfloat16")
    outputs, gradients, _ = after_one_step(model, rematerialized(model))
    expected = model(IMAGES, training=True).numpy()
    assert outputs.dtype == np.float32 and {gradient.dtype for gradient in gradients} == {np.dtype("float32")}
    np.testing.assert_allclose(outputs, expected, atol=0.02 * np.abs(expected).max())


def test_a_network_of_one_convolution_is_one_segment():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(3, 3, padding="same")(inputs))
    np.testing.assert_allclose(rematerialized(model)(IMAGES), model(IMAGES), atol=1e-6)
