"""JSON is read strictly and written without loss."""

import sys
import time
from contextlib import suppress
from decimal import Decimal

import pytest

from cryptopay_django.exceptions import WireError
from cryptopay_django.gateway.field_lengths import JSON_DEPTH, JSON_DEPTH_TOLERATED
from cryptopay_django.gateway.strictjson import Odd, dump_json, parse_json, parse_json_tolerantly


def nested(depth, opening=b"[", closing=b"]"):
    return opening * depth + closing * depth


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"{}", {}),
        (
            b' [1, -0, 2.50, 1e2, true, false, null, "x"]\n',
            [1, 0, Decimal("2.50"), Decimal(100), True, False, None, "x"],
        ),
        ('"Größe 🦊"'.encode(), "Größe 🦊"),
        (rb'"\ud83e\udd8a \n \u0001"', "🦊 \n \x01"),
        (b"3.4027701288128616", Decimal("3.4027701288128616")),
        (b'{"a": {"a": 1}}', {"a": {"a": 1}}),
    ],
)
def test_json_is_read_exactly(body, value):
    assert parse_json(body) == value


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"{}{}", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b"01", "not JSON"),
        (b"+1", "not JSON"),
        (b".5", "not JSON"),
        ("１".encode(), "not JSON"),
        (b'"a\nb"', "not JSON"),
        (b'"\\x41"', "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        ("{}".encode("utf-16"), "not UTF-8"),
        ("{}".encode("utf-16-le"), "not JSON"),
        (b'"\xff"', "not UTF-8"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b'"caf\xe9"', "not UTF-8"),
        (b'{"a": 1, "a": 1}', "the key 'a' is there twice"),
        (b'{"x": {"a": 1, "b": 2, "a": 3}}', "the key 'a' is there twice"),
        (b"NaN", "NaN is no JSON number"),
        (b"[Infinity]", "Infinity is no JSON number"),
        (b"[-Infinity]", "-Infinity is no JSON number"),
        (b"1" * 65, "longer than 64"),
        (b"1." + b"1" * 64, "longer than 64"),
        (b"1e400", "out of range"),
        (b"1e-400", "out of range"),
        (b"1e9999999999999999999999", "out of range"),
        (rb'"\u0000"', "has a NUL"),
        (rb'"\ud800"', "surrogate"),
        (rb'{"\udc00": 1}', "surrogate"),
        (rb'{"a\u0000": 1}', "NUL"),
    ],
)
def test_json_that_could_mean_two_things_or_cannot_be_stored_is_refused(body, reason):
    with pytest.raises(WireError, match=reason):
        parse_json(body)


@pytest.mark.parametrize(
    ("body", "odd"),
    [
        (b'{"a": 1, "a": 1}', "an object that cannot be read (the key 'a' is there twice)"),
        (b"NaN", "a number that cannot be read (NaN is no JSON number)"),
        (b"-Infinity", "a number that cannot be read (-Infinity is no JSON number)"),
        (b"1" * 65, "a number that cannot be read (a number is longer than 64 characters)"),
        (b"1." + b"1" * 64, "a number that cannot be read (a number is longer than 64 characters)"),
        (b"1e400", "a number that cannot be read (the number 1e400 is out of range)"),
        (rb'"\u0000"', "a text with a NUL character or half of a surrogate pair"),
        (rb'"\ud800"', "a text with a NUL character or half of a surrogate pair"),
    ],
)
def test_a_tolerant_reader_marks_such_a_value_and_reads_what_is_beside_it(body, odd):
    read = parse_json_tolerantly(b'{"x": [1, ' + body + b'], "y": 2}')

    assert read["x"][1] == Odd(odd)
    assert hash(read["x"][1]) == hash(Odd(odd)), "it never changes"
    assert (read["x"][0], read["y"]) == (1, 2)


def test_a_tolerant_reader_leaves_out_members_whose_name_cannot_be_stored():
    assert parse_json_tolerantly(rb'{"a\u0000": 1, "b": 2, "c": "\u00e4"}') == {"b": 2, "c": "ä"}


@pytest.mark.parametrize("body", [b"", b"{", b"01", b"\xef\xbb\xbf{}", b'"\xff"', nested(JSON_DEPTH_TOLERATED + 1)])
def test_a_tolerant_reader_refuses_what_is_no_json_or_an_attack(body):
    with pytest.raises(WireError):
        parse_json_tolerantly(body)


def test_a_tolerant_reader_takes_odd_members_that_are_nested_deeper():
    assert parse_json_tolerantly(nested(JSON_DEPTH + 1))


SIZE = 256 * 1024
HOSTILE = {
    "quotes that are escaped, in a text without end": b"[" * 40 + b'"' + b'\\"' * (SIZE // 2),
    "texts without end": b"[" * 40 + b'"' + b'" "' * (SIZE // 3),
    "backslashes": b"[" * 40 + b'"' + b"\\\\" * (SIZE // 2),
    "brackets in a text": b'["' + b"[" * SIZE + b'"]',
    "brackets beside each other": b"[" + b"[]," * (SIZE // 3) + b"1]",
    "members whose last one is there twice": b"{"
    + b",".join(b'"%d":0' % number for number in range(SIZE // 10))
    + b',"1":0}',
    "escaped texts far inside": b"[" * 30 + b",".join([rb'"\u0041"'] * (SIZE // 9)) + b"]" * 30,
    "lines": b"\n" * SIZE + b"x",
    "digits": b"1" * SIZE,
    "nines and a point": b"0." + b"9" * SIZE,
}


@pytest.mark.parametrize("parse", [parse_json, parse_json_tolerantly])
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_no_body_costs_much_more_than_its_length(parse, body):
    begun = time.process_time()
    with suppress(WireError):
        parse(body)

    assert time.process_time() - begun < 1, "a quadratic reader takes minutes"


def test_an_unstorable_string_is_named_by_its_path():
    with pytest.raises(WireError) as refusal:
        parse_json(rb'{"data": {"list": ["fine", "\u0000"]}}')

    assert refusal.value.field == "data.list[1]"


def test_nesting_is_bounded():
    assert parse_json(nested(JSON_DEPTH))
    with pytest.raises(WireError, match="nested"):
        parse_json(nested(JSON_DEPTH + 1))
    with pytest.raises(WireError, match="nested"):
        parse_json(nested(JSON_DEPTH + 1, b'{"a":', b"}"))


@pytest.mark.parametrize(
    "body", [b"[" * 500_000, b'{"a":' * 200_000, nested(200_000, b"[{", b"}]")], ids=["lists", "objects", "both"]
)
def test_absurd_nesting_is_a_typed_error_even_where_recursion_is_nearly_free(body):
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        with pytest.raises(WireError, match="nested"):
            parse_json(body)
    finally:
        sys.setrecursionlimit(limit)


def test_brackets_in_strings_and_beside_each_other_are_not_nesting():
    assert parse_json(b'["' + b"[{" * 100 + rb"\"[[[" + b'"]')
    assert parse_json(b"[" + b",".join([b"[{}]"] * 100) + b"]")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None]}, '{"b":1,"a":[true,null]}'),
        (Decimal("3.4027701288128616"), "3.4027701288128616"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-9"), "0.000000001"),
        (Decimal("7.30"), "7.30"),
        ('Größe "🦊" \n', '"Größe \\"🦊\\" \\n"'),
        (10**30, "1" + "0" * 30),
    ],
)
def test_json_is_written_compactly_with_all_digits(value, text):
    assert dump_json(value) == text.encode()


@pytest.mark.parametrize("value", [0.1, [0.1], {"a": 1.0}, Decimal("NaN"), Decimal("Infinity"), object(), b"x", (1,)])
def test_what_has_no_exact_json_is_not_written(value):
    with pytest.raises(TypeError):
        dump_json(value)
