"""What governance refuses, by the reaction wanted.

GovernanceError
├── NotFound       there is no such request, incident or standing approval
├── Refused        the answer or the grant may not be given: late, replayed, for something else, or not allowed
└── Frozen         everything stands still until `forestall thaw`; try again then
"""


class GovernanceError(Exception):
    """Governance said no."""


class NotFound(GovernanceError):
    """There is nothing of that name."""


class Refused(GovernanceError):
    """It may not be."""


class Frozen(GovernanceError):
    """All effects are frozen."""
