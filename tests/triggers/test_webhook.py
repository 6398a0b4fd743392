"""The webhook: an endpoint is told that an approval is requested, and whatever it answers harms nothing."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from contracts import decode_event
from evals.faults import Crash, CrashingLedger
from ledger import Ledger, Routing, Transaction, record
from tests.graphs.plant import Plant
from tests.ledger.builders import note
from triggers import Webhook
from triggers.webhook import ATTEMPTS

URL = "http://hook.example/approvals?token=secret"


class Endpoint:
    """Answers with these status codes, one after the other, then with 200; an exception is raised instead."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers, self.requests, self.pauses = list(answers), list[httpx.Request](), list[float]()

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path / "home")


async def run(
    plant: Plant, endpoint: Endpoint, asked: int = 1, wrap: Callable[[Ledger], Ledger] = lambda ledger: ledger
) -> list[bool]:
    """Ask so many times, then step until nothing is left."""
    process = plant.open()

    def work(tx: Transaction) -> None:
        for number in range(asked):
            record(tx, Routing(webhook=True), note(number, "approval.requested", "inc-1", summary="ä"))
        record(tx, Routing(webhook=True), note(99, "thing.seen"))

    await process.ledger.transact("write", work)
    await process.close()
    process = plant.open(wrap)
    said = []
    try:
        async with httpx.AsyncClient(transport=httpx.MockTransport(endpoint.handle)) as client:
            webhook = Webhook(process.services, URL, client, endpoint.pause)
            said.append(await webhook.step())
            while said[-1]:
                said.append(await webhook.step())
    finally:
        await process.close()
    return said


async def test_each_request_is_posted_once(plant: Plant) -> None:
    endpoint = Endpoint()
    assert await run(plant, endpoint, asked=2) == [True, False]
    assert [str(each.url) for each in endpoint.requests] == [URL] * 2
    assert {each.headers["content-type"] for each in endpoint.requests} == {"application/cloudevents+json"}
    told = [decode_event(each.content, tenant=None) for each in endpoint.requests]
    assert [(each.type, each.time, each.data) for each in told] == [
        ("forestall.approval.requested", number, {"summary": "ä"}) for number in range(2)
    ]
    assert await run(plant, endpoint, asked=2) == [False]


async def test_nothing_to_tell(plant: Plant) -> None:
    endpoint = Endpoint()
    assert await run(plant, endpoint, asked=0) == [False]
    assert endpoint.requests == []


@pytest.mark.parametrize("passing", [500, 503, 429, 408, httpx.ConnectError("x"), httpx.ReadTimeout("x")])
async def test_a_passing_fault_is_tried_again(plant: Plant, passing: int | Exception) -> None:
    endpoint = Endpoint(passing, passing)
    assert await run(plant, endpoint) == [True, False]
    assert len(endpoint.requests) == 3
    assert endpoint.pauses == [0.5, 1.0]


@pytest.mark.parametrize(("answers", "posts"), [([400], 1), ([404], 1), ([503] * 9, ATTEMPTS)])
async def test_who_does_not_listen_is_given_up_on(
    plant: Plant, answers: list[int], posts: int, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = Endpoint(*answers)
    assert await run(plant, endpoint) == [True, False]
    assert len(endpoint.requests) == posts
    assert "was not delivered: HTTPStatusError" in caplog.text
    assert "secret" not in caplog.text.replace("HTTP Request", "").split("webhook:")[-1]


async def test_one_that_fails_does_not_hold_up_the_next(plant: Plant) -> None:
    endpoint = Endpoint(400)
    await run(plant, endpoint, asked=2)
    assert [decode_event(each.content, tenant=None).time for each in endpoint.requests] == [0, 1]


async def test_a_crash_before_the_mark_tells_it_again(plant: Plant) -> None:
    endpoint = Endpoint()
    with pytest.raises(Crash):
        await run(plant, endpoint, wrap=lambda ledger: CrashingLedger(ledger, 1, "before"))
    assert await run(plant, endpoint) == [True, False]
    assert len(endpoint.requests) == 2
