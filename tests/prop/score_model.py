#!/usr/bin/env python3
"""Slow, obvious model of the scores in docs/spec/scoring.md, with fractions instead of integers.

`score_model.py vectors COUNT SEED` prints test vectors, one JSON object a line:
{"states": {control: {"state","passing","total"}}, "want": scores as `paulyops score -o json` has them}
"""
import json
import math
import os
import random
import sys
from fractions import Fraction

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STATES = ["pass", "fail", "waived", "stale", "error", "untested", "na"]
CAPS = {"critical": 49, "high": 69, "medium": 89, "low": 94}


def load():
    def read(name):
        with open(os.path.join(ROOT, "content", "controls", name), encoding="utf-8") as f:
            return json.load(f)

    return read("criteria.json")["criteria"], read("catalog.json")


def earned(state):
    """Share of its weight that a control earns."""
    if state["state"] == "pass":
        return Fraction(1)
    if state["state"] == "waived":
        return Fraction(1, 2)
    if state["state"] == "fail" and state["total"]:
        share = Fraction(state["passing"], 2 * state["total"])
        return Fraction(math.floor(share * 1000), 1000)  # credit is counted in whole thousandths
    return Fraction(0)


def criterion(cid, controls, weights, states):
    def of(control):
        return states.get(control["id"], {"state": "untested", "passing": 0, "total": 0})

    primary = [c for c in controls if cid in c["criteria"] and of(c)["state"] != "na"]
    support = [c for c in controls if cid in c["supports"] and of(c)["state"] != "na"]
    if not primary:
        return {"id": cid, "score": 0, "status": "OUT OF SCOPE", "why": ["no control in scope"]}
    parts = [(c, 2) for c in primary] + [(c, 1) for c in support]
    have = sum(weights[c["severity"]] * n * earned(of(c)) for c, n in parts)
    could = sum(weights[c["severity"]] * n for c, n in parts)
    caps = [97 if of(c)["state"] == "waived" else CAPS[c["severity"]]
            for c in primary if of(c)["state"] != "pass"]
    score = min([math.floor(100 * have / could)] + caps)
    open_ones = [c for c in primary if of(c)["state"] not in ("pass", "waived")]
    if not open_ones:
        waived = any(of(c)["state"] == "waived" for c in primary)
        status = "MET WITH EXCEPTION" if waived else "MET"
    elif score < 50 or any(c["severity"] == "critical" for c in open_ones):
        status = "NOT MET"
    else:
        status = "PARTIAL"
    why = [c["id"] + ":" + of(c)["state"] for c, _ in parts if of(c)["state"] != "pass"]
    return {"id": cid, "score": score, "status": status, "why": why}


def category(name, criteria, catalog, states):
    rows = [criterion(c["id"], catalog["controls"], catalog["weights"], states)
            for c in criteria if c["category"] == name]
    scope = [r for r in rows if r["status"] != "OUT OF SCOPE"]
    met = [r for r in scope if r["status"] in ("MET", "MET WITH EXCEPTION")]
    if not scope:
        score, status = 0, "OUT OF SCOPE"
    else:
        score = math.floor(Fraction(sum(r["score"] for r in scope), len(scope)))
        if len(met) == len(scope):
            clean = all(r["status"] == "MET" for r in scope)
            status = "MET" if clean else "MET WITH EXCEPTION"
        elif score >= 50 and all(r["status"] != "NOT MET" for r in scope):
            status = "PARTIAL"
        else:
            status = "NOT MET"
    return {"category": name, "score": score, "status": status, "met": len(met),
            "of": len(scope), "criteria": rows}


def scores(states, loaded=None):
    criteria, catalog = loaded or load()
    names = list(dict.fromkeys(c["category"] for c in criteria))
    return {"as_of": {"size": 0, "root": None, "time": None},
            "categories": [category(n, criteria, catalog, states) for n in names]}


def random_states(rng, catalog):
    """Vectors of different moods: mostly passing, mostly unknown, many out of scope, ..."""
    weights = rng.choice([[40, 2, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1], [5, 1, 1, 1, 1, 20, 1],
                          [8, 1, 1, 0, 0, 0, 8], [200, 1, 1, 0, 0, 0, 0], [1, 20, 1, 1, 1, 1, 0],
                          [20, 0, 3, 0, 0, 0, 1], [0, 0, 0, 0, 0, 1, 30]])
    states = {}
    for control in catalog["controls"]:
        state = rng.choices(STATES, weights)[0]
        if state == "untested" and rng.random() < 0.5:
            continue  # not named: the same
        total = rng.choice([0, 1, 2, 3, 7, 20, 1000, 999999999])
        states[control["id"]] = {"state": state, "passing": rng.randint(0, total), "total": total}
    return states


def main():
    count, seed = int(sys.argv[2]), int(sys.argv[3])
    loaded = load()
    rng = random.Random(seed)
    for _ in range(count):
        states = random_states(rng, loaded[1])
        line = {"states": states, "want": scores(states, loaded)}
        print(json.dumps(line, separators=(",", ":")))


if __name__ == "__main__":
    main()
