"""What people are asked, answer and grant."""

import sqlite3
from dataclasses import dataclass

from contracts import ApprovalAnswer, ApprovalRequest, StandingApproval


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """Status: `open`, `approved`, `denied`, `expired`, `withdrawn`."""

    request: ApprovalRequest
    status: str
    answer: ApprovalAnswer | None


class People:
    """Tables `approvals` and `standing_approvals`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def ask(self, request: ApprovalRequest) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO approvals VALUES (?, ?, 'open', ?, NULL)",
            (request.id, request.incident_id, request.model_dump_json()),
        )

    def close(self, request_id: str, status: str, answer: ApprovalAnswer | None = None) -> bool:
        """One answer a request; False when it was not open any more."""
        cursor = self._db.execute(
            "UPDATE approvals SET status = ?, answer = ? WHERE id = ? AND status = 'open'",
            (status, answer.model_dump_json() if answer else None, request_id),
        )
        return cursor.rowcount == 1

    def requests(self, *, incident: str | None = None, status: str | None = None) -> list[ApprovalRow]:
        clauses, values = ["1 = 1"], []
        if incident is not None:
            clauses.append("incident = ?")
            values.append(incident)
        if status is not None:
            clauses.append("status = ?")
            values.append(status)
        rows = self._db.execute(
            f"SELECT request, status, answer FROM approvals WHERE {' AND '.join(clauses)} ORDER BY id", values
        )
        return [
            ApprovalRow(
                ApprovalRequest.model_validate_json(request),
                state,
                ApprovalAnswer.model_validate_json(answer) if answer else None,
            )
            for request, state, answer in rows
        ]

    def put_standing(self, standing: StandingApproval) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO standing_approvals VALUES (?, ?, ?, ?, ?)",
            (standing.id, standing.tenant, standing.pack, standing.template, standing.model_dump_json()),
        )

    def standing(self, tenant: str | None = None, pack: str | None = None) -> list[StandingApproval]:
        rows = self._db.execute(
            "SELECT doc FROM standing_approvals"
            " WHERE (?1 IS NULL OR tenant = ?1) AND (?2 IS NULL OR pack = ?2) ORDER BY id",
            (tenant, pack),
        )
        return [StandingApproval.model_validate_json(doc) for (doc,) in rows]
