"""Which paths an id template can name."""

from string import Formatter


def in_template(path: str) -> bool:
    """Whether `{path}` means this path and nothing else."""
    try:
        return [each[1:] for each in Formatter().parse(f"{{{path}}}")] == [(path, "", None)] and path != "row"
    except ValueError:
        return False
