"""What can go wrong with `forestall emit`, by the reaction wanted. Bad rows are no errors: the report names them.

EmitError
├── FixMapping   the mapping is wrong: file, line, field and rule; nothing was published
└── FixFile      the data file cannot be read (on): what came before is published, emitting again is harmless
"""


class EmitError(Exception):
    """A file could not be emitted."""


class FixMapping(EmitError):
    """One line a fault."""


class FixFile(EmitError):
    """The file's fault, and where."""
