"""What tells one event from another."""

from forestall.newpack.columns import Column
from forestall.newpack.plan import Plan
from forestall.newpack.roles import find_id
from forestall.newpack.sample import Sample
from forestall.newpack.templates import in_template
from forestall.newpack.wishes import Wishes

FEW = 0.01


def identify(plan: Plan, columns: list[Column], clock: Column | None, wishes: Wishes, sample: Sample) -> Column | None:
    """Choose the column that becomes the event's id; where none is sure to tell events apart, the default stands in."""
    if plan.cloudevents:
        plan.told.append(("id", "the event's own: the messages are CloudEvents"))
        return None
    found = next(each for each in columns if each.path == wishes.id) if wishes.id else find_id(columns, clock)
    if found is None or not in_template(found.path):
        default = "topic and message id" if sample.topic is not None else "message, or row of a file"
        plan.id_comment = (
            f"by {default}, since no column is sure to tell {sample.word}s apart{_lost(clock, sample.word)}"
        )
        plan.told.append(("id", plan.id_comment))
        return None
    plan.id = found.path
    plan.id_comment = "asked for by --id" if wishes.id else f"different in each {sample.word} of the sample"
    plan.told.append(("id", f"{found.path}, {plan.id_comment}"))
    repeated = found.profile.present - found.profile.distinct
    if repeated:
        what = "they are left out as duplicates, or dead letters where they differ"
        plan.warnings.append(f"{found.path} repeats in {repeated:,} {sample.word}s: {what}")
    if found.missing:
        plan.warnings.append(f"{found.path} is missing in {found.missing:,} {sample.word}s: they become dead letters")
    return found


def _lost(clock: Column | None, word: str) -> str:
    """What an id made of the time would cost, where that is tempting."""
    if clock is None:
        return ""
    twice = clock.profile.present - clock.profile.distinct
    if not 0 < twice <= FEW * clock.profile.present:
        return ""
    return f"; an id by {clock.path} would lose {twice:,} {word}s that share their time with another"
