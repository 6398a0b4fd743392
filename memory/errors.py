"""What can go wrong in memory, named by the reaction wanted.

MemoryFault
├── InstallExtra        install the named extra, or choose the embedder that needs none
├── UntrustedModel      do not load it: the file is not the one that was pinned
└── ContentConflict     the same id with other content: fix whoever wrote it
"""


class MemoryFault(Exception):
    """Memory could not do what was asked."""


class InstallExtra(MemoryFault):
    """An optional package is missing; the message names the extra to install."""


class UntrustedModel(MemoryFault):
    """A model file is missing, or its SHA-256 is not the pinned one."""


class ContentConflict(MemoryFault):
    """An id that memory knows came again with other content."""
