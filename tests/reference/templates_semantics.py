"""Small templates that pin down jinja2's semantics one by one, and the variables they see."""

VARIABLES = {
    "s": "Hello, World", "t": " a\tb\n ", "u": "ß Üñ 你好 ΑΣ ǆ", "e": "", "n": 7, "z": 0, "neg": -3, "f": 2.5,
    "big": 123456789012, "b": True, "nb": False, "no": None, "l": [3, 1, 2], "ls": ["b", "A", "c", "a"], "le": [],
    "d": {"a": 1, "b": "x", "items": [1]}, "de": {}, "nest": [[1, 2], [3, [4]]],
    "ld": [{"n": "x", "v": 1, "in": {"k": 2}}, {"n": "Y", "v": 3}, {"n": "x", "v": 2.0}],
    "html": "<a href='x'>\"&", "js": '{"k": [1, 2]}', "ws": "  x  ", "lines": "l1\nl2\r\n\nl4",
    "u64": 18446744073709551615, "quote": "it's", "both": "it's \"q\"", "ctrl": "\x00\x1f\x7f\x80\u200b\ue000",
}


def expressions(text):
    return ["{{ " + line.strip() + " }}" for line in text.strip().splitlines() if line.strip()]


SOURCES = expressions(r"""
    1 + 2 * 3 - 4 / 2
    7 // 2, -7 // 2, 7 % 3, -7 % 3, 7 % -3, 7.5 // 2, -7.5 % 2, 2 ** 10, 2 ** -1, 2 ** 3 ** 2, -2 ** 2
    1 / 0
    1 // 0.0
    0.1 + 0.2, 1e16, 1e15, 1.5e300, 1e-4, 1e-5, 123456789.123, -0.0, 1e400, 3.0
    big * big
    u64, u64 + 1, u64 / 2
    true + true, true == 1, 1 == 1.0, "1" == 1, none == false, [] == (), {"a": 1} == {"a": 1.0}
    1 < 2 < 3, 1 < 3 < 2, 3 > 2 >= 2 != 1, "a" < "b" < "B"
    1 < "a"
    none < 1
    [1, 2] < [1, 3], (1,) < (1, 0), [1] < (1,)
    "a" in "abc", "" in "", 1 in [1.0], "k" in {"k": 0}, [1] in [[1]], 3 not in l, "a" not in undef
    1 in "abc"
    1 in 5
    [1] in {}
    1 and 0 or "x", not 1, not not [], 0 or none, "" and 1
    "yes" if n > 3 else "no", "x" if no, ("x" if no) is defined
    a.b
    undef.x
    undef["x"]
    undef ~ "x" ~ none ~ true ~ 1.0 ~ [1, "a"] ~ {"k": none}
    undef + 1
    undef == undef, undef == none, undef is sameas undef, undef in [undef]
    -undef
    undef()
    undef < 1
    "%s" % undef, "x" % undef
    no.x, no["x"], no.x is defined
    no.x.y
    n.real, n.imag, f.real, n.foo is defined
    d.a, d["b"], d.items is callable, d["items"], d.zz, d.zz is defined, d.get("zz"), d.get("zz", 5), d.keys()|list
    d.pop, d.pop is defined, d.update is defined, l.append is defined, l.sort is defined
    d.pop("a")
    l.append(1)
    d.__class__, d.__class__ is defined, s.__len__ is defined
    l[0], l[-1], l[5], l[5] is defined, l["x"], l[1.0] is defined, l[true], (1, 2)[1]
    s[0], s[-1], s[99] is defined, s["upper"] is callable, u[3], u[-1], u[0:3], u[::-1], u[-5:-1:2]
    l[1:], l[:-1], l[::-1], l[::2], l[10:], l[-2:10], (1, 2, 3)[1:], l[none:none:none]
    n[1:]
    d[1:]
    undef[1:]
    l["a":]
    [1] + [2], (1,) + (2,), [1] * 3, 2 * "ab", "ab" * 0, "ab" * -1, [] * 5
    [1] + (2,)
    "a" + 1
    "a" * "b"
    [1, 2, (3,), (), {"a": "b"}, "q'", 'd"', none, 1.5]
    quote, [quote, both, ctrl, u, t, html]
    range(3), range(1, 7, 2), range(5, 0, -2)|list, range(0)|list, range(3)|length, range(5)[1:3]|list
    range(1, 2, 0)
    range(200000)
    dict(a=1, b=2), dict([("x", 1)]), dict(d, z=1), dict(), {1: "a", "1": "b", true: "c"}
    namespace(a=1).a, namespace(a=1).b is defined, namespace({"x": 2}, y=3).y
    namespace(_a=1)
    raise_exception("stop " ~ n)
    raise_exception()
    strftime_now("%d %b %Y"), strftime_now("%Y-%m-%dT%H:%M:%S %A %j %f %% %-d [%z%Z]"), strftime_now("")
    [l, l is sequence, d is mapping, s is string, n is number, f is float, b is boolean, no is none] 
    b is number, b is integer, n is integer, f is integer, s is iterable, n is iterable, d is iterable, le is sequence
    3 is odd, 3 is even, 3 is divisibleby 3, 3 is not odd, "A" is upper, "a" is lower, "" is lower, "1" is lower
    "a" is odd
    3 is eq 3, 3 is ne 4, 3 is gt 2, 3 is ge 3, 3 is lt 4, 3 is le 3, 3 is in [3], 3 is equalto 3, 3 is sameas 3
    n is in l, "x" is in "xyz", 1 is in d
    s is filter, "upper" is filter, "nope" is filter, "odd" is test
    undef is defined, undef is undefined, no is defined, undef is none, undef is string, undef is iterable
    true is true, 1 is true, false is false, 0 is false
    s is not defined and 1
    not s is defined
    s is string is string
    s is nope
    s|nope
    1 if true else (s|nope)
    s|upper, s|lower, s|title, "it's a-b (c) {d} [e] <f>x"|title, "hELLO wORLD"|capitalize, u|upper, u|title, u|lower
    ws|trim ~ "|", "xxaxx"|trim("x"), "xyaxy".strip("yx"), ws.lstrip() ~ "|", ws.rstrip() ~ "|", t.strip()
    "ΑΣ".lower(), "ΑΣ Σ ΣΑ".lower(), "ǆ".title(), "ß".upper(), "İ".lower()|length, "ﬁ".capitalize(), "ΌΣΟΣ".capitalize()
    s|length, u|length, l|length, d|length, undef|length, e|count
    n|length
    none|length
    s|replace("l", "L"), s|replace("l", "L", 1), "aaa"|replace("a", "b", 0), "ab"|replace("", "-"), n|replace(7, 8)
    s.replace("o", "0"), s.replace("o", "0", 1), "abc".replace("", "."), "abc".replace("b", "")
    "a,b,,c".split(","), "a b  c ".split(), " a b c".split(none, 1), "a,b,c".split(",", 1), "a,b,c".rsplit(",", 1)
    "a b c ".rsplit(none, 1), "".split(), "".split(","), "a".split("")
    "abc".split("b")[0], "<think>x</think>y".split("</think>")[-1].lstrip("\n"), "a\nb\r\nc\x0bd".splitlines()
    "a\nb\n".splitlines(true), "".splitlines(), "x=y=z".partition("="), "x=y=z".rpartition("="), "x".partition("=")
    s.startswith("He"), s.endswith(("x", "ld")), s.startswith(""), s.startswith("W", 7), "a".endswith("abc")
    s.startswith(["H"])
    s.find("o"), s.rfind("o"), s.find("zz"), s.find("o", 5), s.index("W"), s.count("l"), "aaa".count("aa"), u.find("好")
    s.index("zz")
    "ab".join(["1", "2"]), "".join([]), "-".join("abc"), ",".join(d)
    ",".join([1])
    "x".zfill(3), "-5".zfill(4), "x".center(4) ~ "|", "x".center(5, "*"), "x".ljust(3) ~ "|", "x".rjust(3), "ab".center(5)
    "a\tb".expandtabs(4), "aB".swapcase(), "ß".casefold(), "abc".removeprefix("ab"), "abc".removesuffix("bc")
    "1".isdigit(), "²".isdigit(), "²".isdecimal(), "½".isnumeric(), "a1".isalnum(), "a".isalpha(), " ".isspace(), "".isspace()
    "a".islower(), "A1".isupper(), "Ab Cd".istitle(), "a_1".isidentifier(), "1a".isidentifier(), "é".isascii()
    "a".strip(chars="a")
    "a".upper(1)
    s.nope
    s.nope()
    l.index(2), l.count(3), (1, 2).index(2), l.copy()
    l.index(9)
    d.items()|list, d.values()|list, d.keys(), d.values(), d.items(), de.items()
    d|items|list, undef|items|list, d|dictsort, d|dictsort(reverse=true), {"b": 1, "A": 2}|dictsort, {"b": 1, "A": 2}|dictsort(true)
    l|items|list
    d|dictsort(by="value")
    d|dictsort(by="x")
    l|sort, ls|sort, ls|sort(case_sensitive=true), l|sort(true), ld|sort(attribute="v")|map(attribute="n")|list
    ld|sort(attribute="n,v")|map(attribute="v")|list, [1, "a"]|sort
    ls|unique|list, ["a", "A", 1, 1.0, true]|unique|list, ld|unique(attribute="n")|list|length
    l|first, l|last, le|first, le|first is defined, s|first, d|first, d|last, undef|first, (l|map("string"))|first
    l|map("string")|last
    n|first
    l|join, l|join(", "), ls|join("-"), ld|join(",", attribute="n"), d|join, none|join
    l|sum, ld|sum(attribute="v"), le|sum, [[1], [2]]|sum(start=[]), l|min, l|max, ls|min, ls|max, le|max, ld|max(attribute="v")
    ls|map("upper")|list, ld|map(attribute="in.k")|list, ld|map(attribute="in.k", default=0)|list, nest|map("first")|list
    l|map|list
    le|map|list
    l|map("nope")|list
    ld|map(attribute="n", foo=1)|list
    l|select("odd")|list, l|reject("odd")|list, [0, 1, "", "a"]|select|list, l|select(">", 1)|list
    ld|selectattr("in")|list|length, ld|selectattr("n", "equalto", "x")|map(attribute="v")|list, ld|rejectattr("in")|list|length
    ld|selectattr|list
    l|select("odd")|length
    (l|select("odd")) is iterable, l|select("nope") is defined
    l|batch(2)|list, l|batch(2, 0)|list, l|slice(2)|list, l|slice(2, 0)|list, [1, 2, 3, 4, 5]|slice(3)|list
    l|reverse|list, s|reverse, ls|list, "abc"|list, d|list, undef|list, l|list|tojson
    n|list
    undef|default("x"), no|default("x"), no|default("x", true), e|d("x", true), undef|default, 0|default(1)
    undef|upper, undef|trim, undef|string, undef|e, undef|title, undef|replace("a", "b")
    undef|int
    undef|abs
    "5"|int, " 5 "|int, "5.7"|int, "x"|int, "x"|int(9), "0x1f"|int(0, 16), "11"|int(0, 2), 5.9|int, -5.9|int, "1_000"|int
    true|int, none|int, [1]|int, "1e3"|int, "inf"|int, "z"|int(base=36), "0b11"|int(base=0)
    "1.5"|float, "x"|float, "1e3"|float, n|float, none|float(2.0), " 1_0.5 "|float, (ws ~ "nan")|trim|float, (e ~ "-inf")|float
    -3|abs, neg|abs, -2.5|abs, true|abs
    "a"|abs
    2.5|round, 3.5|round, -2.5|round, 2.675|round(2), 42.55|round(1, "floor"), 42.51|round(1, "ceil"), n|round, n|round(-1), 15|round(-1), 25|round(-1)
    1234.5678|round(-2), 0.5|round|int, 1e300|round(2), 5|round(1, "ceil")
    "x"|round
    "a\nb\n\nc"|indent, "a\nb"|indent(2, true), "a\n\nb"|indent(2, false, true), "a\nb"|indent("> "), ""|indent
    n|indent
    "foo bar baz qux"|truncate(9), "foo bar baz qux"|truncate(9, true), "foo bar baz qux"|truncate(11), "foo bar baz qux"|truncate(11, false, "...", 0)
    "a b_c d-e"|wordcount, "x"|center(5) ~ "|", "foo"|center(6) ~ "|"
    "%s, %s!"|format("a", 1), "%(a)s"|format(a=2), "%5.2f|%-5d|%05d|%x|%X|%o|%e|%g|%c|%%|%r" % (1.234, 3, -3, 255, 255, 8, 12345.678, 0.0001, "z", "q")
    "%d" % 3.7, "%s" % none, "%s" % (l,), "%5s|%-5s|%.2s" % ("ab", "ab", "abcdef"), "%+d % d" % (1, 2), "%#x %#o" % (255, 8)
    "%d" % "x"
    "%s %s" % "x"
    "%s" % (1, 2)
    "%q" % 1
    "100%" % ()
    "{} {}".format(1, "a"), "{0}{1}{0}".format("a", "b"), "{x}-{y.n}-{z[0]}".format(x=1, y=ld[0], z=l), "{{}}".format()
    "{:>5}|{:<5}|{:^5}|{:*^7}".format("a", "b", "c", "d"), "{:05d} {:+.2f} {:,} {:x}".format(42, 1.5, 1234567, 255), "{!r}".format("a")
    "{}".format()
    "{0} {}".format(1, 2)
    "{:d}".format("x")
    l|tojson, d|tojson, u|tojson, html|tojson, none|tojson, true|tojson, 1.0|tojson, ctrl|tojson, "a/b\"\\\n\t"|tojson
    {"a": [], "b": {}, "c": (1, 2), 1: none, 1.5: 2, none: 3, true: 4}|tojson
    d|tojson(indent=2), [[], {}, [1]]|tojson(indent=1), d|tojson(indent=0), d|tojson(separators=(",", ":")), {"b": 1, "a": 2}|tojson(sort_keys=true)
    u|tojson(ensure_ascii=true), "👩"|tojson(true), d|tojson(indent="\t")
    undef|tojson
    range(3)|tojson
    d.items()|tojson
    {(1, 2): 3}|tojson
    html|e, html|escape|e, html|forceescape, (html|e) ~ html, (html|e) + html, html + (html|e), html|safe + "<", ("<"|safe) * 2
    ("<b>"|safe) + "<i>" + ("x"|safe), "<b>"|safe|upper, ("%s<"|safe) % "<", ("{}<"|safe).format("<"), ("<"|safe).join(["<", "a"])
    [html|safe], "<"|safe is escaped, (html|safe)|tojson, ("<a>"|safe).replace("a", "<"), "<b>"|e|first
    [1, 2,], (1,), (), {"a": 1,}, [[]][0], ((1)), (1, 2)|length
    "a" "b" 'c', "\x41\u00e9\U0001F600\101\n\t\\\'\"\d", 'it\'s'
    1.5.real, 1 .real, 5 .foo is defined, l.0, nest.1.1
    ld|map(attribute="n")|join(",")|upper|length
    s[1:3]|upper ~ s|lower|length
    1 ~ 2 + 3, "a" ~ 1 * 2, -1|abs, (-1)|abs, not 1 == 2, 1 if 0 else 2 if 0 else 3
    1,2
    x = 1
    [1, 2
    (1, 2]
    1 +
    'abc
    a b
    *l
    f(a=1, a=2)
    f(a=1, 2)
    {1, 2}
    007
    !x
""") + [
    "{% for x in l %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }} {% endfor %}",
    "{% for x in l %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}",
    "{% for x in l %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 1) }}{{ loop }}{% endfor %}",
    "{% for x in l|select('odd') %}{{ x }}{{ loop.last }}{{ loop.length }}{% endfor %}",
    "{% for x in le %}x{% else %}empty{% endfor %}{% for x in l %}{% break %}{% else %}never?{% endfor %}",
    "{% for x in l %}{% continue %}{% else %}skipped{% endfor %}{% for x in undef %}{% else %}none{% endfor %}",
    "{% for x in l if x > 1 %}{{ loop.index }}:{{ x }} {% endfor %}{% for x in l if x > 9 %}x{% else %}no{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{% endfor %}{% for c in 'aé' %}[{{ c }}]{% endfor %}",
    "{% for a, (b, c) in [[1, [2, 3]]] %}{{ a }}{{ b }}{{ c }}{% endfor %}{% for a, in [[1]] %}{{ a }}{% endfor %}",
    "{% for a, b in [[1, 2, 3]] %}{{ a }}{% endfor %}",
    "{% for x in 5 %}{% endfor %}", "{% for x in none %}{% endfor %}",
    "{% for loop in l %}{% endfor %}", "{% for x in l %}{% set loop = 1 %}{% endfor %}", "{% set loop = 3 %}{{ loop }}",
    "{% for x in [1, [2, [3]]] recursive %}{{ loop.depth }}:{{ loop(x) if x is sequence else x }} {% endfor %}",
    "{% for x in l %}{{ loop(x) }}{% endfor %}",
    "{% set x = 1 %}{% for i in l %}{% set x = i %}{{ x }}{% endfor %}{{ x }}",
    "{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}{% for i in l %}{{ x }}{% set x = x + 1 %}{{ x }}{% endfor %}",
    "{% set ns = namespace(c=0) %}{% for i in l %}{% set ns.c = ns.c + i %}{% endfor %}{{ ns.c }}{{ ns }}",
    "{% set d.a = 1 %}", "{% set ns = namespace() %}{% set ns._x = 1 %}", "{% set nope.x = 1 %}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (a, b) = [b, a] %}{{ a }}{{ b }}", "{% set a, b = 1 %}",
    "{% set x %}a{{ n }}{% set y = 1 %}{% endset %}[{{ x }}]{{ y }}{% set x | upper | trim %} q {% endset %}[{{ x }}]",
    "{% set x = 1, 2 %}{{ x }}", "{% set true = 1 %}", "{% set 1 = 2 %}", "{% set x.y.z = 2 %}",
    "{% macro f(a, b=2, c=a) %}{{ a }}-{{ b }}-{{ c }}{% endmacro %}{{ f(1) }} {{ f(1, c=5) }} {{ f(b=1, a=0) }} {{ f() }}",
    "{% macro f(a) %}{{ varargs }}{{ kwargs }}{{ caller }}{% endmacro %}{{ f(1, 2, x=3) }}",
    "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, 2) }}", "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(b=2) }}",
    "{% macro f(a, a) %}{% endmacro %}", "{% macro f(a=1, b) %}{% endmacro %}",
    "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(5) }}{{ f is callable }}{{ f.name }}",
    "{% macro f() %}{{ y }}{% endmacro %}{% set y = 1 %}{{ f() }}{% set y = 2 %}{{ f() }}{% for y in l %}{{ f() }}{% endfor %}",
    "{% macro f() %}{% set s = 1 %}{{ s }}{% endmacro %}{{ f() }}{{ s }}",
    "{% macro f(x) %}[{{ caller(x) }}]{% endmacro %}{% call(y) f(3) %}{{ y }}{{ n }}{% endcall %}",
    "{% macro f() %}x{% endmacro %}{% call f() %}y{% endcall %}", "{% call 1 %}{% endcall %}",
    "{% filter upper %}a{{ s }}{% set q = 1 %}{% endfilter %}{{ q }}{% filter length %}abc{% endfilter %}",
    "{% filter replace('a', 'b') | upper %}banana{% endfilter %}",
    "{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a }}{% with %}{% set a = 3 %}{{ a }}{% endwith %}{{ a }}",
    "{% set a = 5 %}{% with a = 1, b = a %}{{ b }}{% endwith %}",
    "{% generation %}{% set q = 1 %}{{ s }}{% endgeneration %}{{ q }}",
    "{% if n == 7 %}a{% elif n == 8 %}b{% else %}c{% endif %}{% if z %}a{% elif n %}b{% endif %}{% if z %}{% else %}e{% endif %}",
    "{% if x is defined and x.y %}a{% endif %}{% if no and no.x.y %}b{% endif %}{% if (1, 2) %}t{% endif %}",
    "{% print 1, 's' %}{% print %}",
    "a\n{% if true %}\nb\n{% endif %}\nc\n", "  {% if true %}  \n  b\n  {% endif %}  x\n\n",
    "a  {%- if true -%}  b  {%- endif -%}  c", "a\n  {%+ if true +%}\n b {%+ endif %}\nc", "x {{- 1 -}} y {{ 2 }}\n",
    "{#- c -#} \n a {# b #}\n  {# c #}\nd", "{# unclosed", "{% raw %} {{ x }} {% endraw %}\n{%- raw -%} a {%- endraw -%} b",
    "{% raw %}\nx\n{% endraw %}\ny", "  {% raw %}\n  x\n  {% endraw %}\n  y", "{% raw %}", "{%raw%}{%endraw%}",
    "a\r\nb\rc\n\n", "\n", "", "{{ 'a\r\nb' }}", "{{ 1 }}\n{{ 2 }}\n\n", "{{", "{%", "{{ 1 }", "{% if %}", "}}", "%}", "{", "{x}",
    "{% if 1 %}", "{% endif %}", "{% for %}", "{% nope %}", "{% else %}", "{% for x in l %}{% endif %}", "{%%}", "{{ }}",
    "{% break %}", "{% for x in l %}{% macro f() %}{% break %}{% endmacro %}{% endfor %}",
    "{% for x in l %}{% set y %}{{ x }}{% if x == 1 %}{% break %}{% endif %}{% endset %}{{ y }}{% endfor %}",
    "{% for x in l %}{% for y in l %}{% if y == 1 %}{% break %}{% endif %}{{ x }}{{ y }} {% endfor %}{{ loop.index }}{% endfor %}",
    "{%- for x in l -%}\n  {{ x }}\n{%- endfor -%}\n", "{% set x = {'a': {'b': [1, {'c': 2}]}} %}{{ x.a.b[1].c }}{{ x['a']['b'][0] }}",
    "{{ {'a': {}} }}{{ {'a': {'b': 1}} }}{{ {} }}", "{{ '}}' }}{{ '{%' }}{% set x = '%}' %}{{ x }}",
    "{% set m = namespace(f=none) %}{% macro g() %}G{% endmacro %}{% set m.f = g %}{{ m.f() }}",
    "{% if s|nope %}{% endif %}", "{% if false %}{{ s|nope }}{% endif %}ok", "{% if false %}{% for x in l %}{{ x|nope }}{% endfor %}{% endif %}",
    "{{ s if true else s|nope }}", "{% for x in le %}{{ x is nope }}{% endfor %}",
    "{% include 'x' %}", "{% import 'x' as y %}", "{% extends 'x' %}",
]


def is_comparable(source, result):
    """Not: texts with addresses, slices of numbers (jinja2 answers by whether it could fold a constant), constant
    expressions that fail while compiling, integers past 128 bits, and what Hearth refuses by intent."""
    shown = str(result.get("text", "")) + result.get("why", "")
    apart = ["object at 0x", "built-in method", "<function", "bound method", "generator object", "<class",
             "is not subscriptable", "unhashable type", "<Macro", "Exceeds the limit", "multiples of",
             "too large", "cannot fit", "repeated string", "too many digits", "reverseiterator", "complex"]
    if any(word in shown for word in apart):
        return False
    digits = max((len(part) for part in "".join(c if c.isdigit() else " " for c in shown).split()), default=0)
    return digits < 38 and len(shown) < 20000
