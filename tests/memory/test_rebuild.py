"""Memory is a projection: rebuilt memory equals live memory."""

from hypothesis import given
from hypothesis import strategies as st

from contracts import Episode, canonical
from memory import HashingEmbedder, Memory
from tests.memory.builders import episode, runbook, situation

_TEXTS = ("orders are late", "late parcels in Leeds", "returns doubled", "", "!")
_TEMPLATES = ("a@1", "b@1", "prompt@3", None)


@st.composite
def _journals(draw: st.DrawFn) -> list[Episode]:
    """Distinct episodes in journal order; few texts and templates, so that ties and shared records occur."""
    return [
        episode(
            number,
            draw(st.sampled_from(_TEXTS)),
            tenant=draw(st.sampled_from(("acme", "rival"))),
            template=draw(st.sampled_from(_TEMPLATES)),
            credit=draw(st.sampled_from(("success", "failure", "none"))),
            closed_at=draw(st.integers(0, 5)),
        )
        for number in range(draw(st.integers(0, 12)))
    ]


def _remember(journal: list[Episode]) -> Memory:
    memory = Memory(HashingEmbedder(64))
    for name in ("a", "b"):
        memory.add_runbook("retail", runbook(name))
    for item in journal:
        memory.learn(item)
    return memory


def _answers(memory: Memory) -> list[bytes]:
    recollections = [
        memory.recall(situation(text), tenant=tenant, k=2, as_of=as_of)
        for text in ("orders are late", "returns")
        for tenant in ("acme", "rival")
        for as_of in (None, 2)
    ]
    records = [
        memory.track_record(template, tenant=tenant, pack="retail", as_of=as_of)
        for template in _TEMPLATES
        if template
        for tenant in ("acme", "rival")
        for as_of in (None, 2)
    ]
    return [canonical(item) for item in (*recollections, *records)]


@given(journal=_journals(), data=st.data())
def test_duplicates_and_order_do_not_matter(journal: list[Episode], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(journal), max_size=10)) if journal else []
    shuffled = data.draw(st.permutations([*journal, *again]))
    assert _answers(_remember(shuffled)) == _answers(_remember(journal))


@given(journal=_journals(), data=st.data())
def test_learn_says_what_is_new_and_repetition_changes_nothing(journal: list[Episode], data: st.DataObject) -> None:
    memory = _remember([])
    assert [memory.learn(item) for item in journal] == [True] * len(journal)
    before = _answers(memory)
    if journal:
        assert memory.learn(data.draw(st.sampled_from(journal))) is False
    assert _answers(memory) == before


@given(journal=_journals())
def test_records_count_every_credit_once_and_only_credits(journal: list[Episode]) -> None:
    memory = _remember([*journal, *journal])
    for tenant in ("acme", "rival"):
        for template in ("a@1", "b@1", "prompt@3"):
            credits = [item.credit for item in journal if item.template == template and item.tenant == tenant]
            record = memory.track_record(template, tenant=tenant, pack="retail")
            assert (record.successes, record.failures) == (credits.count("success"), credits.count("failure"))


@given(journal=_journals(), later=_journals())
def test_what_closes_after_an_instant_cannot_change_the_answer_as_of_it(
    journal: list[Episode], later: list[Episode]
) -> None:
    extra = [item.model_copy(update={"id": f"later-{item.id}", "closed_at": 100}) for item in later]
    question = situation("orders are late")
    answers = {
        canonical(_remember(items).recall(question, tenant="acme", as_of=5)) for items in (journal, journal + extra)
    }
    assert len(answers) == 1
