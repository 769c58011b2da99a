"""No second refund that can take effect: what ends a resolution, and how late a POST may leave.

A sender marks its resolution sent, commits, and posts; it may sleep at any point. The gateway may accept a POST and act
hours later, with no trace until then. A person starts another refund as soon as none is active.
"""

from typing import NamedTuple

from .explorer import Model, assert_holds, put, search

PATIENCE = 2  # after so long our clock ends it, or a person may
OLD = 2  # the gateway refuses a Date that is older


class Resolution(NamedTuple):
    status: str = "planned"
    sender: str = "planned"  # where its process is
    marked_at: int = 0


class State(NamedTuple):
    time: int = 0
    resolutions: tuple[Resolution, ...] = ()
    accepted: tuple[int, ...] = ()  # resolutions that the gateway has accepted and not acted on
    refunds: int = 0
    is_late: bool = False  # one took effect after it had ended as not done


class Refunding(Model):
    """It ends when the gateway shows its end. Only a planned one ends by the clock: marking it sent looks at it again."""

    start = State()
    ends_by = "what the gateway shows"
    marking_looks = True
    is_accepted_unseen = True
    checks_the_age = True  # before the POST
    signs_the_mark = True  # the Date that the gateway checks is the moment of the mark

    def steps(self, s):
        if s.time < 6:
            yield "time passes", s._replace(time=s.time + 1)
        is_active = any(resolution.status != "ended" for resolution in s.resolutions)
        if len(s.resolutions) < 2 and not is_active and not s.refunds:
            yield (
                f"refund {len(s.resolutions) + 1} is planned",
                s._replace(resolutions=(*s.resolutions, Resolution(marked_at=s.time))),
            )
        for number, resolution in enumerate(s.resolutions):
            for name, after in self.steps_of(s, number, resolution):
                yield f"refund {number + 1}: {name}", after
        for number in s.accepted[:1]:
            is_late = s.is_late or s.resolutions[number].status == "ended"
            acted = s._replace(accepted=s.accepted[1:], refunds=s.refunds + 1, is_late=is_late)
            yield f"the gateway acts on refund {number + 1}", acted

    def steps_of(self, s, number, resolution):
        def go(values, **more):
            return s._replace(resolutions=put(s.resolutions, number, resolution._replace(**values)), **more)

        age = s.time - resolution.marked_at
        if resolution.sender == "planned":
            if resolution.status == "planned" or not self.marking_looks:
                yield "marked sent", go({"status": "sent", "sender": "marked", "marked_at": s.time})
            else:
                yield "it has ended, not marked", go({"sender": "gone"})
        if resolution.sender == "marked":
            is_young = age == 0 or not self.checks_the_age
            yield (
                ("young enough", go({"sender": "leaving"}))
                if is_young
                else ("too old, not sent", go({"sender": "gone"}))
            )
        if resolution.sender == "leaving":
            if (self.signs_the_mark and age >= OLD) or s.refunds:
                yield "POST, refused", go({"sender": "gone"})
            elif self.is_accepted_unseen:
                yield "POST, accepted, the answer is lost", go({"sender": "gone"}, accepted=(*s.accepted, number))
            else:
                is_late = s.is_late or resolution.status == "ended"
                yield "POST, done", go({"sender": "gone"}, refunds=s.refunds + 1, is_late=is_late)
        if resolution.status == "planned" and age >= 1:
            yield "planned for too long, ended by the clock", go({"status": "ended"})
        if resolution.status == "sent":
            if s.refunds:
                yield "the gateway shows a refund: ended", go({"status": "ended"})
            elif self.ends_by != "what the gateway shows" and age >= PATIENCE:
                yield f"ended by {self.ends_by}", go({"status": "ended"})

    def broken(self, s):
        if s.refunds + len(s.accepted) > 1:
            return "refunded twice"
        if s.is_late:
            return "one takes effect that was ended as not done"


class EndsByTheClock(Refunding):
    ends_by = "the clock"


class MarkingDoesNotLook(Refunding):
    marking_looks = False


class APersonMayEndIt(Refunding):
    ends_by = "a person"
    is_accepted_unseen = False


class APersonMayEndWhatIsAcceptedUnseen(APersonMayEndIt):
    is_accepted_unseen = True


class OnlyTheSenderChecksTheAge(APersonMayEndIt):
    signs_the_mark = False


def test_nothing_is_refunded_twice():
    assert_holds(Refunding(), at_least=100)


def test_a_person_may_end_one_whose_late_post_the_gateway_refuses():
    assert_holds(APersonMayEndIt(), at_least=100)


def test_ending_it_by_the_clock_gives_up_what_takes_effect_later():
    assert search(EndsByTheClock()).trace == [
        "refund 1 is planned",
        "refund 1: marked sent",
        "refund 1: young enough",
        "time passes",
        "refund 1: POST, accepted, the answer is lost",
        "time passes",
        "refund 1: ended by the clock",
        "the gateway acts on refund 1",
    ]


def test_marking_one_that_has_ended_refunds_twice():
    finding = search(MarkingDoesNotLook())

    assert finding.broken == "refunded twice"
    assert finding.trace == [
        "refund 1 is planned",
        "time passes",
        "refund 1: planned for too long, ended by the clock",
        "refund 2 is planned",
        "refund 1: marked sent",
        "refund 1: young enough",
        "refund 1: POST, accepted, the answer is lost",
        "refund 2: marked sent",
        "refund 2: young enough",
        "refund 2: POST, accepted, the answer is lost",
    ]


def test_what_is_accepted_unseen_can_act_after_a_person_has_ended_it():
    assert search(APersonMayEndWhatIsAcceptedUnseen()).trace[-3:] == [
        "time passes",
        "refund 1: ended by a person",
        "the gateway acts on refund 1",
    ]


def test_a_sender_that_sleeps_after_its_check_of_the_age_is_late():
    assert search(OnlyTheSenderChecksTheAge()).trace == [
        "refund 1 is planned",
        "refund 1: marked sent",
        "refund 1: young enough",
        "time passes",
        "time passes",
        "refund 1: ended by a person",
        "refund 1: POST, done",
    ]
