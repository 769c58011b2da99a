"""A callback is stored with its outcome by the transaction that merges it, or else alone; only then it is answered.

The gateway sends it until it is answered 200, and once more. The invoice may be locked, any statement may fail, the
connection may break during COMMIT (its effect is then unknown), the process may die.
"""

from typing import NamedTuple

from .explorer import Model, assert_holds, search


class State(NamedTuple):
    request: str = "none"
    pending: int = 0  # committed rows
    done: int = 0
    is_answered: bool = False
    is_dropped: bool = False  # the server has dropped the transaction that was open
    is_remembered: bool = False  # the process has seen this body
    posts: int = 2
    trouble: int = 2


class Storing(Model):
    """Merge, insert and commit in one transaction. After any failure store it alone, in a new transaction."""

    start = State()
    commits_first = True
    after_an_unclear_commit = "alone"
    is_alone_in_a_new_transaction = True
    trusts_its_memory = False

    def steps(self, s):
        trouble = {"trouble": s.trouble - 1}
        if s.request == "none" and s.posts:
            if self.trusts_its_memory and s.is_remembered:
                yield (
                    "it arrives again; this process has seen it: 200",
                    s._replace(is_answered=True, posts=s.posts - 1),
                )
            else:
                yield "it arrives", s._replace(request="open", posts=s.posts - 1, is_dropped=False)
        if s.request == "open":
            merged = s._replace(
                request="commit", is_remembered=True, is_answered=s.is_answered or not self.commits_first
            )
            yield "merge, insert" + ("" if self.commits_first else ", 200"), merged
            if s.trouble:
                yield "the invoice is locked", s._replace(request="alone", **trouble)
        if s.request == "commit":
            yield "COMMIT", s._replace(request="answer", done=s.done + 1)
            if s.trouble:
                yield (
                    "deadlock: the server drops the transaction",
                    s._replace(request="alone", is_dropped=True, **trouble),
                )
                unclear = s._replace(request=self.after_an_unclear_commit, **trouble)
                yield "the connection breaks before COMMIT took effect", unclear
                yield "the connection breaks after COMMIT took effect", unclear._replace(done=s.done + 1)
        if s.request == "alone":
            if s.is_dropped and not self.is_alone_in_a_new_transaction:
                yield (
                    "insert behind the savepoint; the outer COMMIT rolls back and says nothing",
                    s._replace(request="answer"),
                )
            else:
                yield "insert alone, COMMIT", s._replace(request="answer", pending=s.pending + 1)
            if s.trouble:
                yield "it cannot be stored: 503", s._replace(request="none", **trouble)
        if s.request == "answer":
            yield "200", s._replace(request="none", is_answered=True)
        if s.request != "none" and s.trouble:
            yield "the process dies", s._replace(request="none", is_remembered=False, **trouble)
        if s.pending:
            yield "a worker merges it", s._replace(pending=s.pending - 1, done=s.done + 1)

    def broken(self, s):
        if s.request == "none" and s.is_answered and not s.pending and not s.done:
            return "answered 200, and nothing is stored"

    def unfinished(self, s):
        if s.is_answered and not s.done:
            return "answered 200, and never merged"


class AnswersBeforeCommit(Storing):
    commits_first = False


class TrustsAnUnclearCommit(Storing):
    after_an_unclear_commit = "answer"


class FallsBackBehindASavepoint(Storing):
    is_alone_in_a_new_transaction = False


class TrustsItsMemory(Storing):
    trusts_its_memory = True


def test_a_callback_that_is_answered_is_stored_and_is_merged():
    assert_holds(Storing(), at_least=50)


def test_answering_before_the_commit_loses_it():
    assert search(AnswersBeforeCommit()).trace == ["it arrives", "merge, insert, 200", "the process dies"]


def test_taking_an_unclear_commit_for_done_loses_it():
    finding = search(TrustsAnUnclearCommit())

    assert finding.trace == ["it arrives", "merge, insert", "the connection breaks before COMMIT took effect", "200"]


def test_storing_it_behind_a_savepoint_of_a_dropped_transaction_loses_it():
    assert search(FallsBackBehindASavepoint()).trace == [
        "it arrives",
        "merge, insert",
        "deadlock: the server drops the transaction",
        "insert behind the savepoint; the outer COMMIT rolls back and says nothing",
        "200",
    ]


def test_answering_by_what_a_process_remembers_loses_it():
    assert search(TrustsItsMemory()).trace == [
        "it arrives",
        "merge, insert",
        "deadlock: the server drops the transaction",
        "it cannot be stored: 503",
        "it arrives again; this process has seen it: 200",
    ]
