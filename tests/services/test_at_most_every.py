"""Once in so many seconds, whichever thread asks."""

import threading

from cryptopay_django.services.dispatch.at_most_every import Throttle


def test_one_passes_and_those_right_behind_it_do_not():
    pace = Throttle(60)

    assert [pace.allows() for _ in range(3)] == [True, False, False]


def test_when_the_time_is_over_the_next_one_passes():
    pace = Throttle(0)

    assert [pace.allows() for _ in range(3)] == [True, True, True]


def test_of_many_threads_at_once_one_passes():
    pace, start, passed = Throttle(60), threading.Barrier(8), []

    def come():
        start.wait()
        passed.append(pace.allows())

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(passed) == [False] * 7 + [True]


def test_none_passes_during_a_pause_until_a_reset():
    pace = Throttle(0)

    pace.pause(60)

    assert not pace.allows()
    pace.reset()
    assert pace.allows()


def test_a_short_pause_does_not_shorten_the_interval():
    pace = Throttle(60)
    pace.allows()

    pace.pause(0)

    assert not pace.allows()


def test_what_has_passed_can_be_forgotten():
    pace = Throttle(60)
    pace.allows()

    pace.reset()

    assert pace.allows()
