"""Playing the past through a pack: would it have noticed, when, how often, and what would it have done?"""

from forestall.backtest.page import page_of
from forestall.backtest.play import Options, backtest
from forestall.backtest.recorded import History, Recorded
from forestall.backtest.result import Backtest, BadInput, Explained, Incident, Rows, Step, Told, Track, WouldDo
from forestall.backtest.sources import Source, TopicSource, file_history, parse_source, topic_history

__all__ = [
    "Backtest",
    "BadInput",
    "Explained",
    "History",
    "Incident",
    "Options",
    "Recorded",
    "Rows",
    "Source",
    "Step",
    "Told",
    "TopicSource",
    "Track",
    "WouldDo",
    "backtest",
    "file_history",
    "page_of",
    "parse_source",
    "topic_history",
]
