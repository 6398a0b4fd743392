"""Memory as a whole: what is recalled, in which order, and for whom."""

from typing import Any

import pytest

from contracts import Applies, Situation, canonical
from memory import ContentConflict, HashingEmbedder, Memory, Note
from tests.memory.builders import bound_to, episode, runbook, situation


@pytest.fixture
def memory() -> Memory:
    return Memory(HashingEmbedder())


def test_empty_memory_finds_everything_novel(memory: Memory) -> None:
    found = memory.recall(situation(), tenant="acme")
    assert found.novel
    assert (found.runbooks, found.episodes, found.notes) == ((), (), ())


def test_fitting_runbook_is_applicable_and_says_why(memory: Memory) -> None:
    memory.add_runbook("retail", runbook())
    found = memory.recall(situation(), tenant="acme")
    [match] = found.runbooks
    assert not found.novel
    assert match.applicable
    assert match.why == (
        "measure late_orders: fits",
        "pattern spike: fits",
        "explained_by warehouse: leeds",
        "track record: never tried",
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"measure": "returns"}, "measure returns: the runbook is for late_orders"),
        ({"pattern": "drop"}, "pattern drop: the runbook is for spike or shift"),
        ({"attributes": {}}, "explained_by warehouse: not in the explanation"),
        ({"attributes": {"warehouse": ""}}, "explained_by warehouse: not in the explanation"),
        ({"attributes": {"carrier": "leeds"}}, "explained_by warehouse: not in the explanation"),
    ],
)
def test_each_unmet_condition_alone_rules_a_runbook_out(memory: Memory, changes: dict[str, Any], reason: str) -> None:
    memory.add_runbook("retail", runbook())
    found = memory.recall(situation(**changes), tenant="acme")
    assert found.novel
    assert not found.runbooks[0].applicable
    assert reason in found.runbooks[0].why


def test_parameter_filled_from_the_explanation_is_needed_too(memory: Memory) -> None:
    memory.add_runbook("retail", runbook(parameters=bound_to("explanation.carrier")))
    assert memory.recall(situation(), tenant="acme").novel
    named = situation(attributes={"warehouse": "leeds", "carrier": "hermes"})
    assert not memory.recall(named, tenant="acme").novel


def test_parameter_filled_from_the_signal_needs_no_explanation(memory: Memory) -> None:
    memory.add_runbook("retail", runbook(parameters=bound_to("signal.key")))
    assert not memory.recall(situation(), tenant="acme").novel


def test_applicable_runbook_precedes_a_more_similar_one_with_a_better_record(memory: Memory) -> None:
    text = "zebra quagga okapi"
    memory.add_runbook("retail", runbook("other", situation=text, title=text, applies=Applies(measure="returns")))
    memory.add_runbook("retail", runbook("fits", situation="plain", title="plain"))
    memory.learn(episode(1, template="other@1"))
    first, second = memory.recall(situation(text), tenant="acme").runbooks
    assert (first.template, second.template) == ("fits@1", "other@1")
    assert second.score > first.score


def test_evidence_decides_between_equally_similar_runbooks(memory: Memory) -> None:
    for name in ("a", "b", "c"):
        memory.add_runbook("retail", runbook(name))
    memory.learn(episode(1, template="c@1", credit="success"))
    memory.learn(episode(2, template="a@1", credit="failure"))
    found = memory.recall(situation(), tenant="acme").runbooks
    assert [match.template for match in found] == ["c@1", "b@1", "a@1"]
    similarity = found[0].similarity
    assert [match.score for match in found] == [round(similarity * rate, 6) for rate in (2 / 3, 1 / 2, 1 / 3)]


def test_ties_are_broken_by_template(memory: Memory) -> None:
    for name in ("b", "c", "a"):
        memory.add_runbook("retail", runbook(name))
    found = memory.recall(situation(), tenant="acme", k=2).runbooks
    assert [match.template for match in found] == ["a@1", "b@1"]


def test_novelty_looks_beyond_k(memory: Memory) -> None:
    for name in ("a", "b"):
        memory.add_runbook("retail", runbook(name))
    assert not memory.recall(situation(), tenant="acme", k=1).novel


def test_tenants_and_packs_do_not_see_each_other(memory: Memory) -> None:
    memory.add_runbook("retail", runbook())
    memory.add_note("retail", Note(id="n#1", title="Leeds", text="Orders are late on Mondays"))
    memory.learn(episode(1))
    stranger = memory.recall(situation(), tenant="rival")
    assert stranger.episodes == ()
    assert stranger.runbooks[0].record.successes == 0
    assert memory.episode("episode-1", tenant="rival") is None
    other_pack = memory.recall(situation(pack="machines"), tenant="acme")
    assert (other_pack.runbooks, other_pack.episodes, other_pack.notes) == ((), (), ())
    assert memory.track_record("reroute@1", tenant="acme", pack="machines").successes == 0


def test_same_situation_recalls_its_episode_with_similarity_one(memory: Memory) -> None:
    memory.learn(episode(1, "a dog ate the router", template=None, credit="none", status="observed"))
    memory.learn(episode(2, "orders are late"))
    found = memory.recall(situation("a dog ate the router"), tenant="acme").episodes
    assert found[0].episode_id == "episode-1"
    assert found[0].similarity == 1.0
    assert (found[0].status, found[0].template) == ("observed", None)
    assert found[1].similarity < 0.9


def test_notes_are_recalled_and_replaced(memory: Memory) -> None:
    memory.add_note("retail", Note(id="n#1", title="Leeds", text="old"))
    memory.add_note("retail", Note(id="n#1", title="Leeds", text="late orders at the warehouse"))
    [note] = memory.recall(situation(), tenant="acme").notes
    assert note.text == "late orders at the warehouse"


def test_as_of_hides_what_closed_later(memory: Memory) -> None:
    memory.add_runbook("retail", runbook())
    memory.learn(episode(20))
    before = memory.recall(situation(), tenant="acme", as_of=19)
    assert before.episodes == ()
    assert before.runbooks[0].record.successes == 0
    at = memory.recall(situation(), tenant="acme", as_of=20)
    assert len(at.episodes) == 1
    assert at.runbooks[0].record.successes == 1
    assert memory.track_record("reroute@1", tenant="acme", pack="retail", as_of=19).successes == 0


def test_changed_episode_under_a_known_id_is_refused_and_changes_nothing(memory: Memory) -> None:
    memory.learn(episode(1))
    with pytest.raises(ContentConflict, match="episode-1"):
        memory.learn(episode(1, credit="failure"))
    assert memory.track_record("reroute@1", tenant="acme", pack="retail").failures == 0


def test_changed_runbook_must_raise_its_version(memory: Memory) -> None:
    assert memory.add_runbook("retail", runbook())
    assert not memory.add_runbook("retail", runbook())
    with pytest.raises(ContentConflict, match="raise `version`"):
        memory.add_runbook("retail", runbook(title="Something else"))
    assert memory.add_runbook("retail", runbook(title="Something else", version=2))
    assert memory.add_runbook("machines", runbook(title="Something else"))


def test_recollection_has_canonical_bytes_and_comes_back_from_json(memory: Memory) -> None:
    memory.add_runbook("retail", runbook())
    memory.learn(episode(1))
    found = memory.recall(situation(), tenant="acme")
    assert canonical(found) == canonical(type(found).model_validate(found.to_json()))


@pytest.mark.parametrize(("tenant", "k"), [("acme", 0), ("", 5)])
def test_senseless_questions_are_refused(memory: Memory, tenant: str, k: int) -> None:
    with pytest.raises(ValueError, match=r"k:|tenant:"):
        memory.recall(situation(), tenant=tenant, k=k)


def test_episode_without_a_tenant_is_refused(memory: Memory) -> None:
    with pytest.raises(ValueError, match="tenant:"):
        memory.learn(episode(1, tenant=""))


def test_attribute_order_does_not_matter(memory: Memory) -> None:
    def with_attributes(attributes: dict[str, str]) -> Situation:
        return situation(attributes=attributes)

    memory.learn(episode(1, situation=with_attributes({"carrier": "hermes", "warehouse": "leeds"})))
    found = memory.recall(with_attributes({"warehouse": "leeds", "carrier": "hermes"}), tenant="acme")
    assert found.episodes[0].similarity == 1.0
