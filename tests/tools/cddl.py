#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks CBOR against CDDL (RFC 8610), as much of it as conf/schema uses; Debian 12 has no tool for it.

cddl.py SCHEMA RULE FILE...              is each file an instance of RULE?
cddl.py --enforced SCHEMA RULE N COMMAND FILE...
    changes each file in N ways; whatever the schema refuses then, COMMAND FILE has to refuse too
"""
import random
import re
import subprocess
import sys
import tempfile


# --- CBOR, RFC 8949: integers, strings, arrays, maps, tags, simple values; no indefinite lengths
class Tag:
    def __init__(self, number, value):
        self.number, self.value = number, value


class Broken(Exception):
    pass


def decode(data):
    value, at = decode_item(data, 0)
    if at != len(data):
        raise Broken("octets behind the end")
    return value


def decode_item(data, at):
    if at >= len(data):
        raise Broken("cut short")
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    n = info
    if 24 <= info <= 27:
        size = 1 << (info - 24)
        if at + size > len(data):
            raise Broken("cut short")
        n = int.from_bytes(data[at:at + size], "big")
        at += size
    elif info > 27:
        raise Broken("indefinite length")
    if major == 0:
        return n, at
    if major == 1:
        return -1 - n, at
    if major in (2, 3):
        if at + n > len(data):
            raise Broken("cut short")
        raw = bytes(data[at:at + n])
        return (raw if major == 2 else raw.decode()), at + n
    if major == 4:
        items = []
        for _ in range(n):
            item, at = decode_item(data, at)
            items.append(item)
        return items, at
    if major == 5:
        pairs = {}
        for _ in range(n):
            key, at = decode_item(data, at)
            pairs[key], at = decode_item(data, at)
        return pairs, at
    if major == 6:
        value, at = decode_item(data, at)
        return Tag(n, value), at
    if info in (20, 21):
        return info == 21, at
    raise Broken("simple value %d" % info)


def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for i in range(4):
        if n < 1 << (8 << i):
            return bytes([major << 5 | 24 + i]) + n.to_bytes(1 << i, "big")
    raise ValueError(n)


def encode(value):
    if value is True or value is False:
        return bytes([0xf4 + value])
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    if isinstance(value, dict):
        pairs = sorted((encode(k), encode(v)) for k, v in value.items())
        return head(5, len(pairs)) + b"".join(k + v for k, v in pairs)
    return head(6, value.number) + encode(value.value)


# --- CDDL: rules, choices, ranges, tags, .size, arrays and maps with occurrences
TOKEN = re.compile(r"\s*(?:;[^\n]*\n\s*)*(=>|\.\.|\.size|\d+\*\d*|\*\d*|#6\.\d+|-?\d+|[A-Za-z][\w-]*|[=/?+:,(){}\[\]])")


class Schema:
    def __init__(self, text):
        self.tokens, at = [], 0
        text = re.sub(r";[^\n]*", "", text).rstrip()
        while at < len(text):
            match = TOKEN.match(text, at)
            if not match:
                raise SystemExit("cddl.py: not understood: " + text[at:at + 40])
            self.tokens.append(match.group(1))
            at = match.end()
        self.at, self.rules = 0, {}
        while self.at < len(self.tokens):
            name = self.take()
            self.expect("=")
            self.rules[name] = self.choice()

    def peek(self, ahead=0):
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else ""

    def take(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def expect(self, token):
        if self.take() != token:
            raise SystemExit("cddl.py: %s expected near %s" % (token, " ".join(self.tokens[self.at - 4:self.at + 2])))

    def choice(self):
        options = [self.controlled()]
        while self.peek() == "/":
            self.take()
            options.append(self.controlled())
        return options[0] if len(options) == 1 else ("choice", options)

    def controlled(self):
        what = self.ranged()
        if self.peek() != ".size":
            return what
        self.take()
        return "size", what, self.ranged()

    def ranged(self):
        what = self.single()
        if self.peek() != "..":
            return what
        self.take()
        return "range", what[1], self.single()[1]

    def single(self):
        token = self.take()
        if token == "(":
            what = self.choice()
            self.expect(")")
            return what
        if token.startswith("#6."):
            self.expect("(")
            what = self.choice()
            self.expect(")")
            return "tag", int(token[3:]), what
        if token in "{[":
            return ("map" if token == "{" else "array"), self.members("}" if token == "{" else "]")
        if re.fullmatch(r"-?\d+", token):
            return "range", int(token), int(token)
        return "name", token

    @staticmethod
    def occurrence(mark):
        if mark in "?+":
            return (0, 1) if mark == "?" else (1, None)
        low, _, high = mark.partition("*")
        return int(low or 0), int(high) if high else None

    def members(self, end):
        out = []
        while self.peek() != end:
            low, high = 1, 1
            if self.peek() in "?+" or "*" in self.peek():
                low, high = self.occurrence(self.take())
            key, value = None, self.choice()
            if self.peek() in (":", "=>"):
                self.take()
                key, value = value, self.choice()
            out.append((low, high, key, value))
            if self.peek() == ",":
                self.take()
        self.expect(end)
        return out

    # --- does a value fit?
    def fits(self, value, what):
        kind = what[0]
        if kind == "choice":
            return any(self.fits(value, one) for one in what[1])
        if kind == "range":
            return type(value) is int and what[1] <= value <= what[2]
        if kind == "tag":
            return isinstance(value, Tag) and value.number == what[1] and self.fits(value.value, what[2])
        if kind == "size":
            octets = value.encode() if isinstance(value, str) else value
            return self.fits(value, what[1]) and what[2][1] <= len(octets) <= what[2][2]
        if kind == "array":
            return isinstance(value, list) and self.fits_array(value, what[1])
        if kind == "map":
            return isinstance(value, dict) and self.fits_map(value, what[1])
        plain = {"uint": lambda v: type(v) is int and v >= 0, "int": lambda v: type(v) is int,
                 "tstr": lambda v: isinstance(v, str), "bstr": lambda v: isinstance(v, bytes),
                 "bool": lambda v: isinstance(v, bool), "any": lambda v: True}
        if what[1] in self.rules:
            return self.fits(value, self.rules[what[1]])
        return plain[what[1]](value)

    def fits_array(self, items, members):
        at = 0
        for low, high, _, what in members:
            n = 0
            while at < len(items) and (high is None or n < high) and self.fits(items[at], what):
                at, n = at + 1, n + 1
            if n < low:
                return False
        return at == len(items)

    def fits_map(self, pairs, members):
        left = dict(pairs)
        for low, high, key, what in members:
            found = [k for k in left if self.fits(k, key)]
            if not all(self.fits(left[k], what) for k in found):
                return False
            if len(found) < low or (high is not None and len(found) > high):
                return False
            for k in found:
                del left[k]
        return not left


# --- changes that a file may suffer
def places(value, way=()):
    yield way
    if isinstance(value, Tag):
        yield from places(value.value, way + ("tag",))
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from places(item, way + (i,))
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, way + (key,))


def get(value, way):
    for step in way:
        value = value.value if isinstance(value, Tag) else value[step]
    return value


def change(value, chance):
    way = chance.choice([w for w in places(value) if w])
    above, old = get(value, way[:-1]), get(value, way)
    new = chance.choice([-1, 0, 1, 2, 4, 255, 256, 65536, 1 << 40, "text", b"", b"\1" * 65, [], {}, True, Tag(45, 60030)])
    if isinstance(above, Tag):
        chance.choice([lambda: setattr(above, "number", chance.randrange(100)), lambda: setattr(above, "value", new)])()
    elif isinstance(above, dict):
        chance.choice([lambda: above.pop(way[-1]), lambda: above.__setitem__(way[-1], new),
                       lambda: above.__setitem__(chance.randrange(-9, 40), old)])()
    else:
        chance.choice([lambda: above.pop(way[-1]), lambda: above.__setitem__(way[-1], new),
                       lambda: above.append(old)])()


def enforced(schema, rule, n, command, paths):
    chance, refused, accepted, wrong = random.Random(1), 0, 0, 0
    for path in paths:
        for i in range(n):
            value = decode(open(path, "rb").read())
            change(value, chance)
            if schema.fits(value, ("name", rule)):
                accepted += 1
                continue
            refused += 1
            with tempfile.NamedTemporaryFile(suffix=".cbor") as file:
                file.write(encode(value))
                file.flush()
                status = subprocess.run(command + [file.name], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            if status.returncode != 5:
                wrong += 1
                print("%s, change %d: against the schema, but exit status %d: %s" % (path, i, status.returncode, encode(value).hex()[:400]))
    print("%d changed files against the schema, %d of them accepted; %d others" % (refused, wrong, accepted))
    return wrong or refused < n


def main(args):
    if args and args[0] == "--enforced":
        schema, rule, n, command, *paths = args[1:]
        return enforced(Schema(open(schema).read()), rule, int(n), command.split(), paths)
    schema, rule, *paths = args
    schema, bad = Schema(open(schema).read()), 0
    for path in paths:
        try:
            fine = schema.fits(decode(open(path, "rb").read()), ("name", rule))
        except Broken as why:
            fine = False
            print("%s: %s" % (path, why))
        if not fine:
            bad += 1
            print("%s: no %s" % (path, rule))
    print("%d of %d files are %s" % (len(paths) - bad, len(paths), rule))
    return bad or not paths


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
