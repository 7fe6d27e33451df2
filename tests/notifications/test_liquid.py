"""The fence around the template language."""

import time
from unittest import mock

import pytest

from notifications import liquid
from notifications.liquid import FENCE, RenderFailed, compiled, render
from notifications.liquid_check import check

SHAPES = {
    "order": {"number": "", "status": ""},
    "brand": {"name": ""},
    "items": [{"name": "", "quantity": ""}],
    "text": "",
}
VALUES = {
    "order": {"number": "#7", "status": "Ready"},
    "brand": {"name": "Bella"},
    "items": [{"name": f"Item {n}", "quantity": "1"} for n in range(40)],
    "text": "x" * 60,
}


def problems(source: str) -> list[str]:
    return [str(one) for one in check(source, SHAPES)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "Hi\n  {{ order.nmber }}",
            "line 2, column 6: There is no variable “order.nmber”; did you",
        ),
        (
            "{{ ordr.number }}",
            "line 1, column 4: There is no variable “ordr”; did you mean “order”?",
        ),
        (
            "a\nb {{ text | upcas }}",
            "line 2, column 13: There is no filter “upcas”; did you mean “up",
        ),
        ("a\n{% include 'x' %}", "line 2, column 4: The tag “include” does not belong here"),
        ("{% render 'x' %}", "line 1, column 4: The tag “render” does not belong here"),
        ("{% extends 'x' %}", "line 1, column 4: The tag “extends” does not belong here"),
        ("{% capture x %}{% endcapture %}", "line 1, column 4: The tag “capture”"),
        ("x\n\n {% if text %}y", "line 3, column 2: “if” is never closed; add {% endif %}"),
        (
            "{% if text %}{% endif %}{% for i in items %}",
            "line 1, column 25: “for” is never closed",
        ),
        ("ab {{ text", "line 1, column 4: This cannot be read"),
        ("\n{{ text | }}", "line 2, column 4: This cannot be read"),
        ("{{ order..number }}", "line 1, column 9: This cannot be read"),
        ("{{ order }}", "line 1, column 4: “order” is a group of values; write one of them"),
        ("{{ items }}", "line 1, column 4: “items” is a list"),
        ("{{ items[0].nam }}", "line 1, column 4: There is no variable “items.0.nam”"),
        (
            "{% for one in items %}{{ one.nam }}{% endfor %}",
            "line 1, column 26: There is no variable “one.nam”; did you mean “one.name”?",
        ),
        (
            "{% for one in items %}{% endfor %}{{ one }}",
            "line 1, column 38: There is no variable “one”",
        ),
        ("{% assign a = order %}{{ a.x }}", "line 1, column 26: There is no variable “a.x”"),
        ("{% if x == 1 and text %}{% endif %}", "line 1, column 7: There is no variable “x”"),
        ("{% case text %}{% when 'a' %}{{ b }}{% endcase %}", "line 1, column 33: There is no"),
        ("{{ order[text] }}", "line 1, column 4: Write the name itself"),
        ("{{ now }}", "line 1, column 4: There is no variable “now”"),
        (
            "{% if text %}" * 7 + "{% endif %}" * 7,
            "line 1, column 79: Blocks are nested more than 6",
        ),
        ("é" * 4001, "line 1, column 1: This is 4,001 characters long; at most 4,000"),
        ("{% for n in (1..9) %}{% endfor %}", "line 1, column 13: Ranges such as (1..9)"),
        ("{{ text | append: (1..9) }}", "line 1, column 19: Ranges such as (1..9)"),
    ],
)
def test_a_fault_is_named_with_its_line_and_column(source, expected):
    assert problems(source)[0].startswith(expected)


@pytest.mark.parametrize(
    "source",
    [
        "{{ order.__class__ }}",
        "{{ order.__class__.__mro__[1].__subclasses__ }}",
        "{{ brand._meta }}",
        "{{ brand._state.db }}",
        "{{ order.number.__init__.__globals__ }}",
        "{{ order['__class__'] }}",
        "{{ order.keys }}",
        "{{ order.delete }}",
        "{{ self }}",
        "{{ settings.SECRET_KEY }}",
        "{{ items.first.__class__ }}",
        "{% for k in order.items %}{{ k }}{% endfor %}",
        "{% assign x = order.__dict__ %}",
    ],
)
def test_walking_into_objects_is_refused_at_save_and_gives_nothing_at_render(source):
    assert problems(source)
    assert render(source, VALUES) == ""


def test_objects_are_opaque_even_when_one_gets_into_the_variables():
    class Thing:
        secret = "s3cret"

        def wipe(self) -> str:
            raise AssertionError("called")

    assert render("[{{ t.secret }}{{ t.wipe }}{{ t['secret'] }}]", {"t": Thing()}) == "[]"


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in items reversed limit: 2 %}{{ forloop.index }}{{ i.name }}{% endfor %}",
        "{% if order.status == 'Ready' %}a{% elsif text %}b{% else %}c{% endif %}",
        "{% unless text == '' %}{{ text | truncate: 5, '-' | upcase }}{% endunless %}",
        "{% case order.status %}{% when 'Ready', 'x' %}y{% else %}z{% endcase %}",
        "{% assign n = items.size | plus: 1 %}{{ n }} {{ items.first.name }}",
        "{% comment %}{{ whatever }}{% endcomment %}{% raw %}{{ x }}{% endraw %}{% # note %}",
        "{{ items | map: 'name' | join: ', ' }}{{ text.size }}{{ order['number'] }}",
    ],
)
def test_what_a_message_needs_is_accepted_and_renders(source):
    assert problems(source) == []
    render(source, VALUES)


def test_filters_give_what_they_say():
    source = (
        "{{ text | truncate: 8 }}|{{ '' | default: 'none' }}|{{ 'a b c' | truncatewords: 2 }}|"
        "{{ 'ab' | replace: 'b', 'cc' | append: '!' | prepend: '¡' | capitalize }}|"
        "{{ items | map: 'quantity' | first }}{{ 7 | minus: 9 }}|{{ ' x ' | strip | size }}|"
        "{{ 'a b&' | url_encode }}|{{ 'AbA' | remove: 'A' | upcase | downcase }}|{{ items | last }}"
    )
    rendered = render(source, {**VALUES, "items": [{"quantity": "1"}]})
    assert rendered == "xxxxx...|none|a b...|¡acc!|1-2|1|a%20b%26|b|{'quantity': '1'}"


def test_missing_values_are_empty_and_raise_nothing():
    assert render("[{{ gone }}{{ order.gone.deep }}{{ gone | upcase }}]", VALUES) == "[]"
    assert render("{% for x in gone %}a{% else %}none{% endfor %}", {}) == "none"


DOUBLING = (
    "{% assign t = text %}{% for i in items %}{% assign t = t | append: t %}{% endfor %}{{ t }}"
)
BOMBS = {
    "nested loops": "{% for a in items %}{% for b in items %}x{% endfor %}{% endfor %}",
    "loops side by side": "{% for a in items %}x{% endfor %}" * 30,
    "silent loops side by side": "{% for a in items %} {% endfor %}" * 30,
    "long output": "{{ text }}" * 390,
    "doubled text": DOUBLING,
    "replace nothing by all": "{% assign t = text %}" + "{% assign t = t | replace: 'x', t %}" * 5,
    "long join": "{{ items | map: 'name' | join: '" + "y" * 600 + "' }}",
    "growing number": (
        "{% assign n = 9 %}{% for i in items %}{% assign n = n | plus: n %}{% endfor %}"
    ),
    "huge literal": "{{ " + "9" * 3990 + " | plus: 1 }}",
    "wrong arguments": "{{ text | truncate: 1, 2, 3, 4 }}",
    "huge range": "{% for n in (1..9999999999) reversed %}x{% endfor %}",
    "huge range joined": "{{ (1..9999999999) | join: ',' }}",
    "deep nesting": "{% if text %}" * 300 + "{% endif %}" * 300,
}


@pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_ends_in_a_sentence_and_costs_little(source):
    start = time.perf_counter()
    with pytest.raises(RenderFailed) as failure:
        render(source[:4000], VALUES)
    assert time.perf_counter() - start < 1.0
    assert str(failure.value).startswith(("The template", "The message"))
    assert len(str(failure.value)) < 300


def test_the_time_budget_stops_a_render_that_is_slow_for_any_reason():
    class Slow(list):
        def __iter__(self):
            for n in range(500):
                end = time.thread_time() + 0.005
                while time.thread_time() < end:
                    pass
                yield n

    start = time.thread_time()
    with pytest.raises(RenderFailed, match="longer than 250 ms"):
        render("{% for n in slow %}x{% endfor %}", {"slow": Slow(range(500))})
    assert 0.25 <= time.thread_time() - start < 1.0


def test_waiting_is_not_counted_as_work():
    class Waiting(list):
        def __iter__(self):
            time.sleep(0.3)
            yield 1

    assert render("{% for n in slow %}x{% endfor %}", {"slow": Waiting([1])}) == "x"


def test_the_time_budget_stops_a_chain_of_filters_too():
    with (
        mock.patch.object(liquid, "BUDGET_SECONDS", -1),
        pytest.raises(RenderFailed, match="longer than 250 ms"),
    ):
        render("{{ text | upcase }}", VALUES)


def test_the_same_words_are_parsed_once():
    source = "Only in this test: {{ order.number }}"
    with mock.patch.object(FENCE, "parse_fenced", wraps=FENCE.parse_fenced) as parse:
        first = [render(source, VALUES) for _ in range(50)]
        again = render(source + "!", VALUES)
    assert set(first) == {"Only in this test: #7"}
    assert again.endswith("#7!")
    assert parse.call_count == 2


def test_the_cache_is_bounded():
    assert compiled.cache_info().maxsize == 2_000


def test_no_tag_can_load_a_file_and_nothing_unlisted_is_registered():
    allowed = {"assign", "case", "comment", "for", "if", "unless", "#"}
    named = {name for name in FENCE.tags if name in allowed or name.isalpha()}
    assert named - {"content", "output", "illegal", "statement", "literal"} <= allowed
    assert not {"date", "safe", "split", "times", "base64_decode"} & set(FENCE.filters)


def test_what_is_put_in_as_a_value_is_never_read_as_a_template():
    assert render("{{ text }}", {"text": "{{ order.number }}{% if %}"}) == (
        "{{ order.number }}{% if %}"
    )
