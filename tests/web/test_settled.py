"""Do pages whose templates were settled beforehand say the same as if they had been put together word by word?"""

from __future__ import annotations

import pytest
from jinja2 import DictLoader, Environment

from tests.web.test_desk import PLACES, TICKET
from web.settled import SettledEnvironment
from web.words import say

OPTIONS = {"trim_blocks": True, "lstrip_blocks": True}
LIBRARY = """{% macro text(what, lang='') %}<i{% if lang %} lang={{ lang }}{% endif %}>{{ what }}</i>{% endmacro %}
{% macro both(x) %}{{ word('a') }}{{ word(x) }}{% endmacro %}"""
PART = "{% set row = rows[0] %}{{ row }}{{ name }}"
CASES = {
    "fixed words": "{{ word('a') }} {{ word('a' ~ 'b') }} {{ word(name) }}",
    "words that come with a value": "{{ word('a') if name else word('b') }} {{ word('a') if none }}",
    "a macro": "{% macro m(x, y='<d>') %}{{ x }}{{ y }}{{ word('a') }}{% endmacro %}{{ m(name) }}{{ m('<b>', y=name) }}",
    "a macro in a macro": "{% macro a(x) %}[{{ x }}]{% endmacro %}{% macro b(x) %}{{ a(x ~ '<') }}{{ a('x') }}{% endmacro %}"
    "{{ b(name) }}{{ b('l') if name }}{{ b('l') if none else a(name) }}",
    "a macro around something": "{% macro box(x) %}<p>{{ caller() }}{{ x }}</p>{% endmacro %}"
    "{% call box('c') %}{{ x }}{% if name %}{{ name }}{% endif %}{% endcall %}",
    "macros around macros": "{% macro box(x) %}({{ caller() }}{{ x }}){% endmacro %}"
    "{% macro two() %}{% set kept = caller() %}{% call box('i') %}{{ kept }}{% endcall %}{% endmacro %}"
    "{% call two() %}{{ name }}{% endcall %}",
    "names that are crossed": "{% macro m(x, y) %}{{ x }}/{{ y }}{% endmacro %}"
    "{% with x = 'X', y = 'Y' %}{{ m(y, x) }}{{ m(y ~ x, x) }}{% endwith %}",
    "what a macro sets": "{% set s = 1 %}{% macro m(x) %}{% set s = x ~ 2 %}{{ s }}{% endmacro %}{{ m(name) }}{{ s }}",
    "a macro that stays one": "{% macro m(x) %}<{{ x }}>{% endmacro %}{{ (m(name) ~ name) | length }}{{ rows | map('upper') | join }}",
    "a macro of a library": "{% import 'library' as l %}{{ l.text(name) }}{{ l.text('x', lang=name) }}",
    "a macro of a library that asks for something of this name": "{% import 'library' as word %}{{ word.text(name) }}"
    "{{ word.both('z') }}",
    "names that a macro finds around it": "{% set k = 'k' %}{% macro m(x) %}{{ k }}{{ x }}{{ name }}{% endmacro %}"
    "{{ m('1') }}{% for k in rows %}{{ m(k) }}{% endfor %}{% with name = 'n' %}{{ m(name) }}{% endwith %}"
    "{% macro n(name) %}{{ m(name) }}{% endmacro %}{{ n('2' ~ k) }}",
    "names that a macro goes through": "{% macro m(x) %}{% for a in rows %}{{ x }}{{ a }}{% endfor %}{% endmacro %}"
    "{% for a in rows %}{{ m(a) }}{% endfor %}",
    "what stands in a macro that has such a name": "{% macro m() %}{% for a in rows %}{{ caller() }}{% endfor %}{% endmacro %}"
    "{% set a = 'A' %}{% call m() %}{{ a }}{% endcall %}",
    "a part": "{% set row = 'mine' %}{% include 'part' %}{{ row }}",
    "a part in a loop": "{% for name in rows %}{% include 'part' %}{{ loop.index }}{% endfor %}",
    "a list that is fixed": "{% for a in ('x', '<y>') %}{{ a }}{{ word(a) }}{% endfor %}"
    "{% for a, b in (('x', 1), ('y', 2)) %}{{ a }}{{ b }}{{ name }}{% endfor %}",
    "a list that is counted": "{% for a in ('x', 'y') %}{{ loop.index }}{{ a }}{% else %}none{% endfor %}",
    "what never comes": "{% if word('a') == 'z' %}1{% elif name %}2{% else %}3{% endif %}{% if word.has('a') %}4{% endif %}",
}


def word(name):
    return f"<{name}>"


word.has = lambda name: name == "a"


@pytest.mark.parametrize("name", ["", "<n & m>"])
@pytest.mark.parametrize("case", CASES)
def test_a_settled_template_says_what_it_would_have_said(case, name):
    loader = DictLoader({"library": LIBRARY, "part": PART, "page": CASES[case]})
    plain = Environment(loader=loader, autoescape=True, **OPTIONS)
    settled = SettledEnvironment({"word": word, "word.has": word.has}, loader=loader, **OPTIONS)
    plain.globals["word"] = settled.globals["word"] = word
    values = {"name": name, "rows": ["<r>", "s"], "none": None}

    assert settled.get_template("page").render(values) == plain.get_template("page").render(values)


def test_a_call_that_does_not_fit_its_macro_is_found_when_the_template_is_read():
    loader = DictLoader({"page": "{% macro m(x) %}{{ x }}{% endmacro %}{{ m() }}"})

    with pytest.raises(TypeError, match="m takes x"):
        SettledEnvironment({}, loader=loader).get_template("page")


def test_what_is_known_is_asked_for_once():
    asked = []
    loader = DictLoader({"page": "{% for one in rows %}{{ word('a') }}{% endfor %}"})
    page = SettledEnvironment({"word": lambda name: asked.append(name) or name}, loader=loader).get_template(
        "page"
    )

    assert [page.render(rows=range(3)) for _ in range(2)] == ["aaa"] * 2
    assert asked == ["a"]


@pytest.mark.parametrize("place", [*PLACES, f"{TICKET}?only=talk", "/desk/?view=all&only=rows"])
async def test_every_page_of_the_desk_says_what_it_would_have_said(pages, teo, place, monkeypatch):
    await says_the_same(pages, teo, place, monkeypatch)


async def says_the_same(pages, who, place, monkeypatch):
    """The page is what stock Jinja makes of its templates."""
    rendered = []
    pieces = pages.site.pages._pieces

    def kept(template, language, **values):
        rendered.append((template, language, values))
        return pieces(template, language, **values)

    monkeypatch.setattr(pages.site.pages, "_pieces", kept)

    page = await who.get(place)

    assert rendered
    assert page.status == 200
    for template, language, values in rendered:
        own = pages.site.pages._environments[language]
        plain = Environment(loader=own.loader, autoescape=True, undefined=own.undefined, **OPTIONS)
        plain.globals.update(own.globals)
        plain.filters.update(own.filters)
        said = plain.get_template(template).render(t=say(language), language=language, **values)
        assert "".join(pieces(template, language, **values)) == said
