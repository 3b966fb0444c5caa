"""Which files are upscaled, as the command plans it."""

from esrgan_tf.inference.jobs import Naming, find_sources, plan_jobs


def planned(source, target=None, recursive=False, **naming):
    """Jobs of a file, a folder, a glob, or a list of these."""
    inputs = [str(source)] if not isinstance(source, list) else [str(part) for part in source]
    return plan_jobs(find_sources(inputs, recursive), Naming(target and str(target), **naming))
