"""Random small templates: expressions and statements over the variables of templates_semantics."""

import random

from templates_semantics import VARIABLES

NAMES = list(VARIABLES) + ["undef", "loop"]
LITERALS = [
    "0", "1", "2", "-1", "3", "10", "0.5", "1.0", "2.25", "1e3", "true", "false", "none", "''", "'a'", "'abc'",
    "'a b'", "'l'", "','", "' '", "'x'", "'A'", "[]", "[1, 2]", "['a', 'b']", "{}", "{'a': 1}", "(1, 2)", "(1,)",
    "()", "'%s'", "'%d-%s'", "'%05.1f'", "'{}'", "'{0} {a}'", r"'\n'", "'é'", "1_000", "0x1F"]
METHODS = """upper lower strip lstrip rstrip split rsplit splitlines title capitalize swapcase casefold isdigit isalpha
    isspace islower isupper istitle isalnum isnumeric isidentifier isprintable isascii""".split()
METHODS_WITH_ARGUMENTS = """startswith endswith find rfind index count split rsplit strip lstrip rstrip partition
    rpartition removeprefix removesuffix join replace zfill center ljust rjust expandtabs format""".split()
FILTERS = """upper lower trim title capitalize length count list first last string int float abs round sort unique|list
    reverse reverse|list sum min max join tojson safe e escape forceescape items|list dictsort wordcount indent center
    truncate d default map("upper")|list map(attribute="n")|list select|list reject|list selectattr("v")|list
    batch(2)|list slice(2)|list unique(true)|list""".split()
# L: a literal, E: an expression, B: a truth value.
FILTERS_WITH_ARGUMENTS = [
    "default(E)", "default(E, B)", "join(E)", "join(L, attribute='n')", "join(L, attribute=0)", "replace(E, E)",
    "replace(L, L, L)", "round(L)", "round(1, 'ceil')", "round(2, 'floor')", "round(0, 'common')",
    "tojson(indent=0)", "tojson(indent=2)", "tojson(indent='-')", "tojson(sort_keys=true)",
    "tojson(ensure_ascii=true)", "tojson(separators=(',', ':'))", "indent(2, B, B)", "indent('> ', B, B)",
    "sort(reverse=B, attribute='v')", "sort(reverse=B, attribute='n,v')", "sort(case_sensitive=B)",
    "map('length')|list", "map('int')|list", "map('default', 5)|list", "map('string')|list", "map('trim')|list",
    "map(attribute='in.k')|list", "map(attribute='v', default=9)|list", "map(attribute=0)|list",
    "select('odd')|list", "select('string')|list", "select('eq', 1)|list", "select('>', 1)|list",
    "select('in', [1, 2])|list", "select('none')|list", "reject('odd')|list", "reject('number')|list",
    "selectattr('v', 'gt', 1)|list", "selectattr('n', 'eq', 'x')|list", "selectattr('in.k', 'defined')|list",
    "rejectattr('v', 'eq', 1)|list", "rejectattr('in', 'defined')|list", "truncate(3, B, '', 0)",
    "truncate(8, B, '..', 2)", "format(E)", "format(E, E)", "int(L, 16)", "int(L, 2)", "int(L, 0)", "float(L)",
    "center(20)", "center(21)", "trim(L)", "dictsort(B, 'key')", "dictsort(B, 'value')", "batch(2, L)|list",
    "slice(3, L)|list", "min(attribute='v')", "max(case_sensitive=true)", "unique(attribute='n')|list",
    "sum(attribute='v')", "sum(start=L)", "attr('upper') is defined", "attr('a') is defined"]
TESTS = [
    "defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping", "iterable",
    "sequence", "true", "false", "odd", "even", "lower", "upper", "callable", "escaped", "divisibleby 2",
    "divisibleby(3)", "eq 1", "ne 1", "gt 1", "ge 2", "lt 'b'", "le 2", "in [1, 2, 'a']", "sameas true",
    "sameas none", "equalto 'x'", "not none", "not string", "not in [1]"]
OTHERS = [
    "d.get(E)", "d.get(L, L)", "d.items()|list", "d.keys()|list", "d.values()|list", "ld[0].n", "ld[1].v",
    "range(n)|list", "range(L, L, L)|list", "dict(a=E, **d)", "namespace(x=E).x", "range(2, 5)", "range(9)[2:5]|list",
    "l.index(2)", "ls.count('a')", "d.items()", "d.keys()", "u.encode is defined", "l.append is defined",
    "range(0, 10, 3)", "[E, E]", "{L: E}", "(E, E)"]
ITERABLES = ["l", "ls", "ld", "d", "d.items()", "range(3)", "nest", "u", "le", "undef"]
LOOP_BODIES = [
    "", "{{ loop.index }}", "{{ loop.last }}{{ loop.first }}", "{{ loop.revindex }}/{{ loop.length }}",
    "{{ loop.previtem }}-{{ loop.nextitem }}", "{{ loop.cycle('a', 'b') }}",
    "{% if loop.index > 1 %}{% break %}{% endif %}", "{% if loop.first %}{% continue %}{% endif %}",
    "{{ loop.changed(x) }}", "{% set n = loop.index0 %}{{ n }}"]
SNIPPETS = [
    "{# comment #}\n", "{#- c -#}", "{% raw %}{{ x }}{% endraw %}\n", "{%- raw -%} {% x %} {%- endraw -%}\n",
    " text \n", "\n\n", "<|t|>", "{", "}", "{% generation %}g{% endgeneration %}",
    "{% set ns = namespace(a=1) %}{% set ns.a = ns.a + 1 %}{{ ns.a }}"]


class Templates:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.pick = self.random.choice

    def take(self, count):
        return [self.template() for _ in range(count)]

    def template(self):
        if self.random.random() < 0.6:
            return "{{ " + self.expression(self.pick([1, 2, 2, 3])) + " }}"
        return "".join(self.statement(2) for _ in range(self.pick([1, 2, 3])))

    def filled(self, pattern, depth):
        holes = {"L": lambda: self.pick(LITERALS), "E": lambda: self.expression(depth), "B": lambda: self.boolean()}
        out, previous = "", " "
        for i, c in enumerate(pattern):
            alone = not previous.isalnum() and not pattern[i + 1:i + 2].isalnum()
            out += holes[c]() if c in holes and alone else c
            previous = c
        return out

    def boolean(self):
        return self.pick(["true", "false"])

    def expression(self, depth):
        if depth <= 0:
            return self.pick(LITERALS) if self.random.random() < 0.5 else self.pick(NAMES)
        inner = lambda: self.expression(depth - 1)
        bound = lambda: self.pick(["", "", "1", "-1", "2", "-2", "0", "9", "-9", "n"])
        return self.pick([
            lambda: self.pick(LITERALS),
            lambda: self.pick(NAMES),
            lambda: f"{inner()} {self.pick(['+', '-', '*', '/', '//', '%', '~', '~'])} {inner()}",
            lambda: f"({inner()} {self.pick(['+', '~', '*', '%'])} {inner()})",
            lambda: f"{inner()} {self.pick(['==', '!=', '<', '>', '<=', '>=', 'in', 'not in'])} {inner()}",
            lambda: f"{inner()} {self.pick(['and', 'or'])} {inner()}",
            lambda: f"not {inner()}",
            lambda: f"({inner()} if {inner()} else {inner()})",
            lambda: f"({inner()} if {inner()})",
            lambda: f"{self.pick(NAMES)}.{self.pick(['a', 'b', 'items', 'n', 'v', 'upper', 'x', 'keys'])}",
            lambda: f"{self.pick(NAMES)}[{inner()}]",
            lambda: f"({self.pick(['s', 'u', 'l', 'ls', 'nest', 't'])})[{bound()}:{bound()}"
                    f"{self.pick(['', ':', ':-1', ':2', ':-2'])}]",
            lambda: f"({inner()})|{self.pick(FILTERS)}",
            lambda: f"({inner()})|{self.pick(FILTERS)}",
            lambda: f"({inner()})|{self.filled(self.pick(FILTERS_WITH_ARGUMENTS), depth - 1)}",
            lambda: f"({inner()})|{self.filled(self.pick(FILTERS_WITH_ARGUMENTS), depth - 1)}",
            lambda: f"({inner()}) is {self.pick(TESTS)}",
            lambda: f"({inner()}).{self.pick(METHODS)}()",
            lambda: f"({inner()}).{self.pick(METHODS_WITH_ARGUMENTS)}({inner()})",
            lambda: f"({inner()}).{self.pick(METHODS_WITH_ARGUMENTS)}({inner()}, {inner()})",
            lambda: self.filled(self.pick(OTHERS), depth - 1),
        ])()

    def tag(self, content):
        return "{%" + self.pick(["", "", "-", "+"]) + f" {content} " + self.pick(["", "", "-"]) + "%}"

    def body(self, depth):
        return "".join(self.statement(depth - 1) for _ in range(self.pick([1, 2, 2])))

    def statement(self, depth):
        blank = lambda: self.pick(["", "\n", "  ", "\n  ", " \n"])
        output = lambda: (blank() + "{{" + self.pick(["", "", "-"]) + f" {self.expression(2)} "
                          + self.pick(["", "", "-"]) + "}}" + blank())
        if depth <= 0:
            return output()
        return self.pick([output, output, output, lambda: self.condition(depth), lambda: self.loop(depth),
                          lambda: self.loop(depth), lambda: self.assignment(depth), lambda: self.macro(depth),
                          self.macro_call, lambda: self.pick(SNIPPETS), lambda: self.scope(depth)])()

    def condition(self, depth):
        out = self.tag(f"if {self.expression(2)}") + self.body(depth)
        if self.random.random() < 0.3:
            out += self.tag(f"elif {self.expression(1)}") + self.body(depth)
        if self.random.random() < 0.5:
            out += self.tag("else") + self.body(depth)
        return out + self.tag("endif")

    def loop(self, depth):
        test = self.pick(["x", "x is defined and x", "loop", "x != 1"])
        head = f"for {self.pick(['x', 'x', 'k, v', 'n'])} in {self.pick(ITERABLES)}"
        out = self.tag(head + (f" if {test}" if self.random.random() < 0.2 else ""))
        out += self.body(depth) + self.pick(LOOP_BODIES)
        if self.random.random() < 0.3:
            out += self.tag("else") + self.body(depth)
        return out + self.tag("endfor")

    def assignment(self, depth):
        if self.random.random() < 0.5:
            return self.tag(f"set {self.pick(['x', 's', 'n', 'y'])} = {self.expression(2)}")
        head = f"set {self.pick(['x', 'y'])}{self.pick(['', ' | upper', ' | trim'])}"
        return self.tag(head) + self.body(depth) + self.tag("endset") + "{{ x }}"

    def macro(self, depth):
        head = f"macro m{self.random.randrange(3)}({self.pick(['', 'a', 'a, b=2', 'a=s, b=a', 'x'])})"
        tail = self.pick(["", "{{ a }}", "{{ b }}", "{{ varargs }}", "{{ kwargs }}", "{{ caller() if caller else 1 }}"])
        return self.tag(head) + self.body(depth) + tail + self.tag("endmacro")

    def macro_call(self):
        arguments = self.pick(["", "1", "s, n", "a=1", "b=3, a=2", "*l", "**d", "1, 2, 3"])
        return f"{{{{ m{self.random.randrange(3)}({arguments}){self.pick(['', '|upper', '|length'])} }}}}"

    def scope(self, depth):
        head, end = self.pick([(f"with x = {self.expression(1)}", "endwith"), ("filter upper", "endfilter"),
                               ("filter indent(2)", "endfilter"), ("call m0()", "endcall")])
        return self.tag(head) + self.body(depth) + self.tag(end)
