"""How far a run is: what every checkpoint says of it."""

import json

import tensorflow as tf

from esrgan_tf.training.record import StepRecord


class Progress(tf.train.experimental.PythonState):
    """Step, best score, data round and the sums of loss terms since the last validation; saved with every checkpoint.

    `record` keeps the sums on the device; they are fetched when a checkpoint is written. A new `data_round` begins
    where training was set back: the data is drawn by another seed.
    """

    def __init__(self, record: StepRecord):
        super().__init__()
        self.record = record
        self.step = 0
        self.best: float | None = None
        self.data_round = 0
        self.skipped_steps = 0  # whose loss or gradient was not finite
        self.skipped_images: dict[str, int] = {}  # that could not be read, and how often they were met

    def serialize(self) -> str:
        """The state as text, for tf.train.Checkpoint."""
        names = ("step", "best", "data_round", "skipped_steps", "skipped_images")
        own = {name: getattr(self, name) for name in names}
        return json.dumps(own | self.record.state())

    def deserialize(self, string_value: str) -> None:
        """The state from text; what an older version did not write starts from nothing."""
        fields = json.loads(string_value)
        self.record.restore(fields["sums"], fields["count"], fields.get("in_a_row", 0))
        self.step, self.best = fields["step"], fields["best"]
        self.data_round, self.skipped_steps = fields.get("data_round", 0), fields.get("skipped_steps", 0)
        self.skipped_images = fields.get("skipped_images", {})
