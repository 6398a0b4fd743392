"""`forestall run` without its command line: what the service does, and what it tells of itself."""

from forestall.service.counts import counts, summary_of
from forestall.service.run import Done, Orders, run_service
from forestall.service.streams import Stream, subscribe

__all__ = ["Done", "Orders", "Stream", "counts", "run_service", "subscribe", "summary_of"]
