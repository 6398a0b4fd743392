"""What can keep a pack from being drafted."""

from forestall.errors import InputError, UsageError


class SampleFault(InputError):
    """The sample holds nothing that a pack could be drafted from; the message says what is missing."""

    default_step = "Give another sample, or name what is meant; see forestall new --help."


class WishFault(UsageError):
    """What was asked for does not fit the sample."""

    default_step = "Correct the option and run the command again."
