"""`forestall new`: a pack drafted from a sample of its stream."""

from forestall.newpack.errors import SampleFault, WishFault
from forestall.newpack.folder import assert_free, pack_name, put_pack
from forestall.newpack.guess import plan_pack
from forestall.newpack.plan import Plan
from forestall.newpack.sample import FILE_ROWS, Sample, read_file
from forestall.newpack.text import pack_yaml
from forestall.newpack.topics import TOPIC_MESSAGES, read_topic
from forestall.newpack.trial import Trial, try_out
from forestall.newpack.wishes import Wishes, check_wishes

__all__ = [
    "FILE_ROWS",
    "TOPIC_MESSAGES",
    "Plan",
    "Sample",
    "SampleFault",
    "Trial",
    "WishFault",
    "Wishes",
    "assert_free",
    "check_wishes",
    "pack_name",
    "pack_yaml",
    "plan_pack",
    "put_pack",
    "read_file",
    "read_topic",
    "try_out",
]
