"""What is the user's to mend, told apart from what is a bug of ours."""


class InputError(ValueError):
    """What the user gave is wrong: one line that names the file or flag, what is allowed and the way out."""


class TrainingStopped(RuntimeError):
    """Training cannot go on (a loss is not finite, the disk is full): one line that says where and why."""
