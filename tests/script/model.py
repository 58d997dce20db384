#!/usr/bin/env python3
"""Slow model of Script for the differential test: random typed programs and what they must print.

Each node knows its source text and how to evaluate itself with Python values, so there is no parser
to share a mistake with. Output, repeated COUNT times from SEED on:

    <bytes of source> <bytes of expected output>\\n<source><expected output>

The expected output is what the program prints and, when it ends in a fault, "kind: message".
"""
import math
import random
import re
import sys

I64 = 1 << 63


class Fault(Exception):
    def __init__(self, kind, message):
        Exception.__init__(self, message)
        self.kind = kind
        self.message = message


class Leave(Exception):
    """break, continue and return"""

    def __init__(self, what, value=None):
        Exception.__init__(self, what)
        self.what = what
        self.value = value


class Arr:
    def __init__(self, items):
        self.items = items


class Map:
    def __init__(self):
        self.d = {}


class Rec:
    """struct, enum payload or record: name, field names (None: positional), values"""

    def __init__(self, name, names, vals):
        self.name, self.names, self.vals = name, names, vals


def integer(v):
    if not -I64 <= v < I64:
        raise Fault("IntegerOverflow", "integer overflow")
    return v


def finite(v):
    if math.isnan(v) or math.isinf(v):
        raise Fault("InvalidFloat", "result is not a finite number")
    return v


def show(v, top=True):
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, int):
        return str(v)
    if isinstance(v, float):
        text = repr(v)
        return text if "." in text or "e" in text else text + ".0"
    if isinstance(v, str):
        if top:
            return v
        return '"' + v.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if v is None:
        return "()"
    if isinstance(v, Arr):
        return "[" + ", ".join(show(x, False) for x in v.items) + "]"
    if isinstance(v, tuple):
        return "(" + ", ".join(show(x, False) for x in v) + ")"
    if isinstance(v, Map):
        return "{" + ", ".join(show(k, False) + ": " + show(x, False) for k, x in v.d.items()) + "}"
    if v.vals is None:
        return v.name
    if v.names is None:
        return v.name + "(" + ", ".join(show(x, False) for x in v.vals) + ")"
    inside = ", ".join(n + ": " + show(x, False) for n, x in zip(v.names, v.vals))
    return v.name + " { " + inside + " }"


def same(a, b):
    if isinstance(a, Arr):
        return len(a.items) == len(b.items) and all(map(same, a.items, b.items))
    if isinstance(a, tuple):
        return all(map(same, a, b))
    if isinstance(a, Map):
        return a.d.keys() == b.d.keys() and all(same(a.d[k], b.d[k]) for k in a.d)
    if isinstance(a, Rec):
        return a.name == b.name and (a.vals is None or all(map(same, a.vals, b.vals)))
    return a == b


def arith(op, a, b):
    if isinstance(a, int):
        if op in "/%":
            if b == 0:
                raise Fault("DivisionByZero", "division by zero")
            q = abs(a) // abs(b)
            q = q if (a < 0) == (b < 0) else -q
            return integer(q if op == "/" else a - q * b)
        return integer(a + b if op == "+" else a - b if op == "-" else a * b)
    if op in "/%" and b == 0.0:
        raise Fault("DivisionByZero", "division by zero")
    if op == "%":
        return finite(math.fmod(a, b))
    return finite(a + b if op == "+" else a - b if op == "-" else a * b if op == "*" else a / b)


def render(vals):
    """print: a first string with placeholders is a format string"""
    if len(vals) < 2 or not isinstance(vals[0], str) or not re.search(r"\{(:\?)?\}", vals[0]):
        return " ".join(show(v) for v in vals)
    rest = iter(vals[1:])

    def one(match):
        for v in rest:
            return show(v, match.group(1) is None)
        return match.group(0)
    return re.sub(r"\{(:\?)?\}", one, vals[0])


class Scope:
    def __init__(self, up=None):
        self.up, self.d = up, {}

    def home(self, name):
        s = self
        while name not in s.d:
            s = s.up
        return s.d


class E:
    """Expression: type, source, evaluation."""

    def __init__(self, t, src, ev):
        self.t, self.src, self.ev = t, src, ev


INT, FLOAT, BOOL, STR, UNIT = "int", "float", "bool", "string", "()"
AI, AS, TUP, OPT, RES, MAP, P, SH, FN = (
    "[int]", "[string]", "(int, string)", "Option<int>", "Result<int, string>", "HashMap<string, int>",
    "P", "Sh", "(int) -> int")
PRELUDE = """struct P { x: int, y: string }
enum Sh { Dot, Disc(int), Box { w: int, h: int } }
"""


class Gen:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.vars = [[]]  # scopes of (name, type, mutable)
        self.fns = []
        self.n = 0
        self.depth = 0
        self.loop = 0
        self.out = []
        self.steps = 0
        self.in_fn = None
        self.pure = 0

    # ---- helpers
    def fresh(self, prefix="v"):
        self.n += 1
        return "%s%d" % (prefix, self.n)

    def visible(self, t, mutable=False):
        seen, found = set(), []
        for scope in reversed(self.vars):
            for name, vt, mut in reversed(scope):
                if name not in seen and vt == t and (mut or not mutable):
                    found.append(name)
                seen.add(name)
        return found

    def tick(self):
        self.steps += 1
        if self.steps > 20000:
            raise Fault("TooLong", "")

    def var(self, name, t):
        def ev(env):
            return env.home(name)[name]
        return E(t, name, ev)

    # ---- expressions
    def expr(self, t):
        self.depth += 1
        try:
            names = self.visible(t)
            if names and self.r.random() < (0.8 if self.depth > 3 else 0.35):
                return self.var(self.r.choice(names), t)
            if self.depth <= 3 and self.r.random() < 0.2:
                e = self.any_of(t)
                if e is not None:
                    return e
            return getattr(self, "x_" + {INT: "int", FLOAT: "float", BOOL: "bool", STR: "str", AI: "ai",
                                         AS: "as_", TUP: "tup", OPT: "opt", RES: "res", MAP: "map_",
                                         P: "p", SH: "sh", FN: "fn", UNIT: "unit"}[t])()
        finally:
            self.depth -= 1

    def any_of(self, t):
        k = self.r.randrange(6)
        if k == 0:
            c, a, b = self.expr(BOOL), self.expr(t), self.expr(t)
            return E(t, "if %s { %s } else { %s }" % (c.src, a.src, b.src), lambda env: a.ev(env) if c.ev(env) else b.ev(env))
        if k == 1 and t != UNIT:
            return self.match_of(t)
        if k == 2 and self.fns and not self.pure:
            options = [f for f in self.fns if f[2] == t]
            if options:
                name, params, ret, call = self.r.choice(options)
                args = [self.expr(p) for p in params]
                return E(t, "%s(%s)" % (name, ", ".join(a.src for a in args)), lambda env: call([a.ev(env) for a in args]))
        if k == 3:
            a, b = self.expr(t), self.expr(t)

            def ev(env):
                try:
                    return a.ev(Scope(env))
                except Fault as f:
                    if f.kind == "TooLong":
                        raise
                    return b.ev(Scope(env))
            return E(t, "try { %s } catch { %s }" % (a.src, b.src), ev)
        if k == 4 and t == INT:
            tup = self.expr(TUP)
            return E(t, "%s.0" % self.paren(tup), lambda env: tup.ev(env)[0])
        if k == 5 and t in (INT, STR):
            p = self.expr(P)
            field, i = ("x", 0) if t == INT else ("y", 1)
            return E(t, "%s.%s" % (self.paren(p), field), lambda env: p.ev(env).vals[i])
        return None

    def paren(self, e):
        simple = e.src.replace("_", "").isalnum() and not e.src[0].isdigit()
        return e.src if simple else "(%s)" % e.src

    def match_of(self, t):
        k = self.r.randrange(4)
        if k == 0:
            s = self.expr(OPT)
            name = self.fresh()
            self.vars.append([(name, INT, False)])
            a = self.expr(t)
            self.vars.pop()
            b = self.expr(t)

            def ev(env):
                v = s.ev(env)
                if v.vals is None:
                    return b.ev(env)
                inner = Scope(env)
                inner.d[name] = v.vals[0]
                return a.ev(inner)
            return E(t, "match %s { Some(%s) => { %s }, None => { %s } }" % (self.paren(s), name, a.src, b.src), ev)
        if k == 1:
            s = self.expr(SH)
            w, h = self.fresh(), self.fresh()
            self.vars.append([(w, INT, False), (h, INT, False)])
            a = self.expr(t)
            self.vars.pop()
            d = self.fresh()
            self.vars.append([(d, INT, False)])
            g, b = self.expr(BOOL), self.expr(t)
            self.vars.pop()
            c = self.expr(t)

            def ev(env):
                v = s.ev(env)
                inner = Scope(env)
                if v.name == "Sh::Box":
                    inner.d[w], inner.d[h] = v.vals
                    return a.ev(inner)
                if v.name == "Sh::Disc":
                    inner.d[d] = v.vals[0]
                    if g.ev(inner):
                        return b.ev(inner)
                return c.ev(env)
            return E(t, "match %s { Sh::Box { w: %s, h: %s } => { %s }, Sh::Disc(%s) if %s => { %s }, _ => { %s } }" % (
                self.paren(s), w, h, a.src, d, self.paren(g), b.src, c.src), ev)
        if k == 2:
            s = self.expr(INT)
            lo = self.r.randrange(-3, 5)
            a, b, c = self.expr(t), self.expr(t), self.expr(t)

            def ev(env):
                v = s.ev(env)
                return (a if lo <= v < lo + 3 else b if v in (10, 11) else c).ev(env)
            return E(t, "match %s { %d..%d => { %s }, 10 | 11 => { %s }, _ => { %s } }" % (self.paren(s), lo, lo + 3, a.src, b.src, c.src), ev)
        s = self.expr(AI)
        x, rest = self.fresh(), self.fresh()
        self.vars.append([(x, INT, False), (rest, AI, False)])
        a = self.expr(t)
        self.vars.pop()
        b = self.expr(t)

        def ev(env):
            v = s.ev(env)
            if not v.items:
                return b.ev(env)
            inner = Scope(env)
            inner.d[x], inner.d[rest] = v.items[0], Arr(v.items[1:])
            return a.ev(inner)
        return E(t, "match %s { [%s, ..%s] => { %s }, [] => { %s } }" % (self.paren(s), x, rest, a.src, b.src), ev)

    def x_unit(self):
        return E(UNIT, "()", lambda env: None)

    def x_int(self):
        k = self.r.randrange(11) if self.depth <= 3 else 0
        if k <= 2:
            v = self.r.choice([0, 1, 2, 3, 5, 7, 10, 64, 1000, 32767, 32768, 70000, 2147483647, 5000000000, I64 - 1])
            v = v if self.r.random() < 0.9 else self.r.randrange(1000)
            return E(INT, str(v), lambda env: v)
        if k <= 5:
            op = self.r.choice("+-*/%+-")
            a, b = self.expr(INT), self.expr(INT)
            return E(INT, "(%s %s %s)" % (self.paren(a), op, self.paren(b)), lambda env: arith(op, a.ev(env), b.ev(env)))
        if k == 6:
            a = self.expr(AI)
            return E(INT, "%s.len()" % self.paren(a), lambda env: len(a.ev(env).items))
        if k == 7:
            a, i = self.expr(AI), self.expr(INT)

            def ev(env):
                arr, at = a.ev(env), i.ev(env)
                if not 0 <= at < len(arr.items):
                    raise Fault("IndexOutOfBounds", "index %d out of bounds for length %d" % (at, len(arr.items)))
                return arr.items[at]
            return E(INT, "%s[%s]" % (self.paren(a), i.src), ev)
        if k == 8:
            a, d = self.expr(OPT), self.expr(INT)
            return E(INT, "%s.unwrap_or(%s)" % (self.paren(a), d.src),
                     lambda env: (lambda o, x: x if o.vals is None else o.vals[0])(a.ev(env), d.ev(env)))
        if k == 9:
            return self.fold()
        a = self.expr(STR)
        return E(INT, "%s.len()" % self.paren(a), lambda env: len(a.ev(env)))

    def closure(self, types, ret):
        names = [self.fresh() for _ in types]
        self.vars.append([(n, t, False) for n, t in zip(names, types)])
        self.pure += self.r.random() < 0.5
        was = self.pure
        body = self.expr(ret)
        self.pure = was - (1 if was else 0) if was else 0
        self.vars.pop()

        def call(env, args):
            inner = Scope(env)
            inner.d.update(zip(names, args))
            return body.ev(inner)
        return "|%s| %s" % (", ".join(names), self.paren(body)), call

    def fold(self):
        a, z = self.expr(AI), self.expr(INT)
        src, call = self.closure([INT, INT], INT)

        def ev(env):
            xs, acc = list(a.ev(env).items), z.ev(env)
            for x in xs:
                self.tick()
                acc = call(env, [acc, x])
            return acc
        return E(INT, "%s.fold(%s, %s)" % (self.paren(a), z.src, src), ev)

    def x_float(self):
        k = self.r.randrange(5) if self.depth <= 3 else 0
        if k <= 1:
            v = self.r.choice([0.0, 0.5, 1.0, 2.25, 3.1, 1e10, 1e-3, 123456.789])
            return E(FLOAT, show(v), lambda env: v)
        if k <= 3:
            op = self.r.choice("+-*/%")
            a, b = self.expr(FLOAT), self.expr(FLOAT)
            return E(FLOAT, "(%s %s %s)" % (self.paren(a), op, self.paren(b)), lambda env: arith(op, a.ev(env), b.ev(env)))
        a = self.expr(INT)
        return E(FLOAT, "(%s as float)" % self.paren(a), lambda env: float(a.ev(env)))

    def x_bool(self):
        k = self.r.randrange(8) if self.depth <= 3 else 0
        if k <= 1:
            v = self.r.random() < 0.5
            return E(BOOL, show(v), lambda env: v)
        if k <= 4:
            t = self.r.choice([INT, INT, FLOAT, STR])
            op = self.r.choice(["<", "<=", ">", ">=", "==", "!="])
            a, b = self.expr(t), self.expr(t)
            test = {"<": lambda x, y: x < y, "<=": lambda x, y: x <= y, ">": lambda x, y: x > y,
                    ">=": lambda x, y: x >= y, "==": lambda x, y: x == y, "!=": lambda x, y: x != y}[op]
            return E(BOOL, "(%s %s %s)" % (self.paren(a), op, self.paren(b)), lambda env: test(a.ev(env), b.ev(env)))
        if k == 5:
            a, b = self.expr(BOOL), self.expr(BOOL)
            if self.r.random() < 0.5:
                return E(BOOL, "(%s && %s)" % (self.paren(a), self.paren(b)), lambda env: a.ev(env) and b.ev(env))
            return E(BOOL, "(%s || %s)" % (self.paren(a), self.paren(b)), lambda env: a.ev(env) or b.ev(env))
        if k == 6:
            a = self.expr(BOOL)
            return E(BOOL, "!%s" % self.paren(a), lambda env: not a.ev(env))
        t = self.r.choice([AI, TUP, P, SH, OPT])
        a, b = self.expr(t), self.expr(t)
        return E(BOOL, "(%s == %s)" % (self.paren(a), self.paren(b)), lambda env: same(a.ev(env), b.ev(env)))

    def x_str(self):
        k = self.r.randrange(9) if self.depth <= 3 else 0
        if k <= 1:
            v = self.r.choice(["", "a", "b", "key", "h\u00e9llo", "x,y,z", "A b", "\u65e5\u672c"])
            return E(STR, '"%s"' % v, lambda env: v)
        if k <= 3:
            a, t = self.expr(STR), self.r.choice([STR, INT, BOOL, AI, OPT, P])
            b = self.expr(t)
            return E(STR, "(%s + %s)" % (self.paren(a), self.paren(b)), lambda env: self.short(a.ev(env) + show(b.ev(env))))
        if k == 4:
            a, b = self.expr(INT), self.expr(STR)
            return E(STR, 'format("{}:{:?}", %s, %s)' % (a.src, b.src), lambda env: "%d:%s" % (a.ev(env), show(b.ev(env), False)))
        if k == 5:
            a = self.expr(STR)
            name, f = self.r.choice([("to_uppercase()", str.upper), ("trim()", str.strip), ("repeat(2)", lambda s: s * 2),
                                     ('replace("a", "zz")', lambda s: s.replace("a", "zz"))])
            return E(STR, "%s.%s" % (self.paren(a), name), lambda env: self.short(f(a.ev(env))))
        if k == 6:
            a = self.expr(AS)
            return E(STR, '%s.join("-")' % self.paren(a), lambda env: "-".join(a.ev(env).items))
        if k == 7:
            a, i, j = self.expr(STR), self.r.randrange(4), self.r.randrange(4)

            def ev(env):
                s = a.ev(env)
                if not i <= j <= len(s):
                    raise Fault("IndexOutOfBounds", "substring %d..%d out of bounds for length %d" % (i, j, len(s)))
                return s[i:j]
            return E(STR, "%s.substring(%d, %d)" % (self.paren(a), i, j), ev)
        a = self.expr(self.r.choice([INT, FLOAT, AI, MAP, SH]))
        return E(STR, "to_string(%s)" % a.src, lambda env: show(a.ev(env)))

    def short(self, s):
        if len(s) > 5000:
            raise Fault("TooLong", "")
        return s

    def x_ai(self):
        k = self.r.randrange(8) if self.depth <= 3 else 0
        if k <= 1:
            xs = [self.expr(INT) for _ in range(self.r.randrange(4))]
            return E(AI, "[%s]" % ", ".join(x.src for x in xs), lambda env: Arr([x.ev(env) for x in xs]))
        if k == 2:
            a = self.expr(AI)
            src, call = self.closure([INT], INT)

            def ev(env):
                out = []
                for x in list(a.ev(env).items):
                    self.tick()
                    out.append(call(env, [x]))
                return Arr(out)
            return E(AI, "%s.map(%s)" % (self.paren(a), src), ev)
        if k == 3:
            a = self.expr(AI)
            src, call = self.closure([INT], BOOL)

            def ev2(env):
                out = []
                for x in list(a.ev(env).items):
                    self.tick()
                    if call(env, [x]):
                        out.append(x)
                return Arr(out)
            return E(AI, "%s.filter(%s)" % (self.paren(a), src), ev2)
        if k == 4:
            a, b = self.expr(AI), self.expr(AI)
            return E(AI, "(%s + %s)" % (self.paren(a), self.paren(b)), lambda env: Arr(a.ev(env).items + b.ev(env).items))
        if k == 5:
            n, name = self.r.randrange(6), self.fresh()
            self.vars.append([(name, INT, False)])
            e, c = self.expr(INT), self.expr(BOOL)
            self.vars.pop()

            def ev3(env):
                out = []
                for i in range(n):
                    self.tick()
                    inner = Scope(env)
                    inner.d[name] = i
                    if c.ev(inner):
                        out.append(e.ev(inner))
                return Arr(out)
            return E(AI, "[%s for %s in 0..%d if %s]" % (e.src, name, n, c.src), ev3)
        a = self.expr(AI)
        name, f = self.r.choice([("sort()", sorted), ("reverse()", lambda x: x[::-1]), ("clone()", list), ("skip(1)", lambda x: x[1:])])
        return E(AI, "%s.%s" % (self.paren(a), name), lambda env: Arr(f(a.ev(env).items)))

    def x_as_(self):
        if self.r.random() < 0.5 or self.depth > 3:
            xs = [self.expr(STR) for _ in range(self.r.randrange(4))]
            return E(AS, "[%s]" % ", ".join(x.src for x in xs), lambda env: Arr([x.ev(env) for x in xs]))
        a = self.expr(STR)
        return E(AS, '%s.split(",")' % self.paren(a), lambda env: Arr(a.ev(env).split(",")))

    def x_tup(self):
        a, b = self.expr(INT), self.expr(STR)
        return E(TUP, "(%s, %s)" % (a.src, b.src), lambda env: (a.ev(env), b.ev(env)))

    def x_opt(self):
        k = self.r.randrange(4) if self.depth <= 3 else self.r.randrange(2)
        if k == 0:
            return E(OPT, "None", lambda env: Rec("None", None, None))
        if k == 1:
            a = self.expr(INT)
            return E(OPT, "Some(%s)" % a.src, lambda env: Rec("Some", None, [a.ev(env)]))
        if k == 2:
            m, s = self.expr(MAP), self.expr(STR)

            def ev(env):
                d, key = m.ev(env).d, s.ev(env)
                return Rec("Some", None, [d[key]]) if key in d else Rec("None", None, None)
            return E(OPT, "%s.get(%s)" % (self.paren(m), s.src), ev)
        a = self.expr(OPT)
        src, call = self.closure([INT], INT)

        def ev2(env):
            o = a.ev(env)
            return o if o.vals is None else Rec("Some", None, [call(env, [o.vals[0]])])
        return E(OPT, "%s.map(%s)" % (self.paren(a), src), ev2)

    def x_res(self):
        if self.r.random() < 0.5:
            a = self.expr(INT)
            return E(RES, "Ok(%s)" % a.src, lambda env: Rec("Ok", None, [a.ev(env)]))
        a = self.expr(STR)
        return E(RES, "Err(%s)" % a.src, lambda env: Rec("Err", None, [a.ev(env)]))

    def x_map_(self):
        return E(MAP, "mk()", lambda env: Map())

    def x_p(self):
        a, b = self.expr(INT), self.expr(STR)
        return E(P, "P { x: %s, y: %s }" % (a.src, b.src), lambda env: Rec("P", ["x", "y"], [a.ev(env), b.ev(env)]))

    def x_sh(self):
        k = self.r.randrange(3)
        if k == 0:
            return E(SH, "Sh::Dot", lambda env: Rec("Sh::Dot", None, None))
        if k == 1:
            a = self.expr(INT)
            return E(SH, "Sh::Disc(%s)" % a.src, lambda env: Rec("Sh::Disc", None, [a.ev(env)]))
        a, b = self.expr(INT), self.expr(INT)
        return E(SH, "Sh::Box { w: %s, h: %s }" % (a.src, b.src), lambda env: Rec("Sh::Box", ["w", "h"], [a.ev(env), b.ev(env)]))

    # ---- statements: (lines, run)
    def block(self, indent, n=None):
        self.vars.append([])
        lines, runs = [], []
        for _ in range(n if n is not None else self.r.randrange(1, 4)):
            s, run = self.stmt(indent)
            lines += s
            runs.append(run)
        self.vars.pop()

        def run_all(env):
            inner = Scope(env)
            for run in runs:
                self.tick()
                run(inner)
        return lines, run_all

    def stmt(self, indent):
        pad = "    " * indent
        k = self.r.randrange(15)
        if indent > 3 and k >= 6:
            k = self.r.randrange(6)
        if k <= 1:
            return self.let(pad)
        if k <= 3:
            return self.put(pad)
        if k == 4:
            return self.assign(pad)
        if k == 5:
            return self.mutate(pad)
        if k == 6:
            c = self.expr(BOOL)
            a, ra = self.block(indent + 1)
            b, rb = self.block(indent + 1)
            return [pad + "if %s {" % c.src] + a + [pad + "} else {"] + b + [pad + "}"], lambda env: ra(env) if c.ev(env) else rb(env)
        if k <= 8:
            return self.for_(indent, pad)
        if k == 9:
            return self.while_(indent, pad)
        if k <= 11:
            return self.try_(indent, pad)
        if k == 12 and self.loop:
            what, c = self.r.choice(["break", "continue"]), self.expr(BOOL)

            def run(env):
                if c.ev(env):
                    raise Leave(what)
            return [pad + "if %s { %s }" % (c.src, what)], run
        if k == 13 and self.in_fn:
            c, v = self.expr(BOOL), self.expr(self.in_fn)

            def run2(env):
                if c.ev(env):
                    raise Leave("return", v.ev(env))
            return [pad + "if %s { return %s }" % (c.src, v.src)], run2
        return self.put(pad)

    def let(self, pad):
        t = self.r.choice([INT, INT, FLOAT, BOOL, STR, AI, AI, AS, TUP, OPT, RES, MAP, P, SH])
        e, name = self.expr(t), self.fresh()
        self.vars[-1].append((name, t, True))

        def run(env):
            env.d[name] = e.ev(env)
        return [pad + "let %s: %s = %s" % (name, t, e.src)], run

    def put(self, pad):
        es = [self.expr(self.r.choice([INT, FLOAT, BOOL, STR, AI, AS, TUP, OPT, RES, MAP, P, SH])) for _ in range(self.r.randrange(1, 4))]

        def run(env):
            self.out.append(self.short(render([e.ev(env) for e in es])) + "\n")
        return [pad + "print(%s)" % ", ".join(e.src for e in es)], run

    def assign(self, pad):
        t = self.r.choice([INT, INT, STR, FLOAT, AI])
        names = self.visible(t, True)
        if not names:
            return self.put(pad)
        name = self.r.choice(names)
        e = self.expr(t)
        op = self.r.choice(["", "", "+"] + (["-", "*", "%"] if t == INT else []))

        def run(env):
            v = e.ev(env)
            d = env.home(name)
            if op:
                old = d[name]
                v = self.short(old + v) if t == STR else Arr(old.items + v.items) if t == AI else arith(op, old, v)
            if t == AI and len(v.items) > 2000:
                raise Fault("TooLong", "")
            d[name] = v
        return [pad + "%s %s= %s" % (name, op, e.src)], run

    def mutate(self, pad):
        k = self.r.randrange(4)
        if k == 0 and self.visible(AI):
            a, e = self.var(self.r.choice(self.visible(AI)), AI), self.expr(INT)

            def run(env):
                arr, v = a.ev(env), e.ev(env)
                if len(arr.items) > 2000:
                    raise Fault("TooLong", "")
                arr.items.append(v)
            return [pad + "%s.push(%s)" % (a.src, e.src)], run
        if k == 1 and self.visible(MAP):
            m, key, e = self.var(self.r.choice(self.visible(MAP)), MAP), self.expr(STR), self.expr(INT)

            def run2(env):
                mm, kk, v = m.ev(env), key.ev(env), e.ev(env)
                mm.d[kk] = v
            return [pad + "%s.insert(%s, %s)" % (m.src, key.src, e.src)], run2
        if k == 2 and self.visible(P):
            p, e = self.var(self.r.choice(self.visible(P)), P), self.expr(INT)

            def run3(env):
                pp, v = p.ev(env), e.ev(env)
                pp.vals[0] = arith("+", pp.vals[0], v)
            return [pad + "%s.x += %s" % (p.src, e.src)], run3
        if k == 3 and self.visible(AI):
            a, i, e = self.var(self.r.choice(self.visible(AI)), AI), self.expr(INT), self.expr(INT)

            def run4(env):
                arr, at, v = a.ev(env), i.ev(env), e.ev(env)
                if not 0 <= at < len(arr.items):
                    raise Fault("IndexOutOfBounds", "index %d out of bounds for length %d" % (at, len(arr.items)))
                arr.items[at] = v
            return [pad + "%s[%s] = %s" % (a.src, i.src, e.src)], run4
        return self.put(pad)

    def run_loop(self, body, inner):
        """False: broken out of."""
        try:
            body(inner)
        except Leave as leave:
            if leave.what == "break":
                return False
            if leave.what != "continue":
                raise
        return True

    def for_(self, indent, pad):
        name = self.fresh()
        over_range = self.r.random() < 0.6
        hi = self.r.randrange(1, 6)
        a = None if over_range else self.expr(AI)
        self.vars.append([(name, INT, False)])
        self.loop += 1
        body, run_body = self.block(indent + 1)
        self.loop -= 1
        self.vars.pop()

        def run(env):
            arr = None if over_range else a.ev(env)
            n = hi if over_range else len(arr.items)
            for i in range(n):
                self.tick()
                if not over_range and i >= len(arr.items):
                    break
                inner = Scope(env)
                inner.d[name] = i if over_range else arr.items[i]
                if not self.run_loop(run_body, inner):
                    break
        head = "0..%d" % hi if over_range else self.paren(a)
        return [pad + "for %s in %s {" % (name, head)] + body + [pad + "}"], run

    def while_(self, indent, pad):
        name, limit, c = self.fresh(), self.r.randrange(1, 5), self.expr(BOOL)
        self.vars[-1].append((name, INT, False))
        self.loop += 1
        body, run_body = self.block(indent + 1)
        self.loop -= 1

        def run(env):
            env.d[name] = 0
            while env.d[name] < limit and c.ev(env):
                self.tick()
                env.d[name] += 1
                if not self.run_loop(run_body, env):
                    break
        return [pad + "let %s = 0" % name, pad + "while %s < %d && %s {" % (name, limit, self.paren(c)),
                pad + "    %s += 1" % name] + body + [pad + "}"], run

    def try_(self, indent, pad):
        body, run_body = self.block(indent + 1)
        err = self.fresh("e")
        catch, run_catch = self.block(indent + 1, 1)
        has_finally = self.r.random() < 0.4
        if has_finally:
            loop, fn, self.loop, self.in_fn = self.loop, self.in_fn, 0, None
            fin, run_fin = self.block(indent + 1, 1)
            self.loop, self.in_fn = loop, fn

        def run(env):
            try:
                try:
                    run_body(env)
                except Fault as f:
                    if f.kind == "TooLong":
                        raise
                    self.out.append("%s %s\n" % (f.kind, f.message))
                    run_catch(env)
            except Fault as f:
                if has_finally and f.kind != "TooLong":
                    run_fin(env)
                raise
            except Leave:
                if has_finally:
                    run_fin(env)
                raise
            if has_finally:
                run_fin(env)
        lines = [pad + "try {"] + body + [pad + "} catch (%s) {" % err, pad + "    print(%s.kind, %s.message)" % (err, err)] + catch
        if has_finally:
            lines += [pad + "} finally {"] + fin
        return lines + [pad + "}"], run

    def function(self):
        name = self.fresh("f")
        params = [self.r.choice([INT, STR, AI, OPT, P]) for _ in range(self.r.randrange(3))]
        ret = self.r.choice([INT, INT, STR, BOOL, AI])
        names = [self.fresh() for _ in params]
        saved, self.vars = self.vars, [[(n, t, False) for n, t in zip(names, params)]]
        self.in_fn, loop, self.loop = ret, self.loop, 0
        body, run_body = self.block(1)
        value = self.expr(ret)
        self.in_fn, self.loop, self.vars = None, loop, saved
        sig = ", ".join("%s: %s" % (n, t) for n, t in zip(names, params))

        def call(args):
            self.tick()
            env = Scope()
            env.d.update(zip(names, args))
            try:
                run_body(env)
                return value.ev(env)
            except Leave as leave:
                return leave.value
        self.fns.append((name, params, ret, call))
        return ["fn %s(%s) -> %s {" % (name, sig, ret)] + body + ["    %s" % value.src, "}"]


def program(seed):
    g = Gen(seed)
    lines = [PRELUDE + "fn mk() -> HashMap<string, int> { HashMap::new() }"]
    for _ in range(g.r.randrange(4)):
        lines += g.function()
    runs = []
    for _ in range(g.r.randrange(4, 9)):
        s, run = g.stmt(0)
        lines += s
        runs.append(run)
    env = Scope()
    try:
        for run in runs:
            run(env)
    except Fault as f:
        if f.kind == "TooLong":
            return None
        g.out.append("%s: %s" % (f.kind, f.message))
    except RecursionError:
        return None
    return "\n".join(lines) + "\n", "".join(g.out)


def main():
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    sys.setrecursionlimit(5000)
    while count > 0:
        made = program(seed)
        seed += 1
        if made is None:
            continue
        count -= 1
        src, out = made[0].encode(), made[1].encode()
        sys.stdout.buffer.write(b"%d %d\n" % (len(src), len(out)) + src + out)


if __name__ == "__main__":
    main()
