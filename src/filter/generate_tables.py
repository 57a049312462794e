#!/usr/bin/env python3
"""Turns data/*.txt into C++ tables: generate_tables.py SETS NEWER OUTPUT. Sets within sets are resolved here."""
import hashlib
import sys


def read_sets(path):
    sets = {}
    name = None
    for line in open(path, encoding="ascii"):
        if line.startswith("#") or not line.strip():
            continue
        if not line[0].isspace():
            name, _, line = line.partition(":")
            sets[name] = []
        sets[name] += line.split()
    return sets


def members(sets, name, seen=()):
    if name in seen:
        sys.exit(f"cycle in {name}")
    found = set()
    for member in sets[name]:
        found |= members(sets, member, (*seen, name)) if member.startswith("@") else {member}
    return found


def digest_of(calls, newer):
    return hashlib.sha256(repr((calls, sorted(newer.items()))).encode()).hexdigest()


def main(sets_path, newer_path, output):
    sets = read_sets(sets_path)
    newer = {}
    for line in open(newer_path, encoding="ascii"):
        if line.strip() and not line.startswith("#"):
            name, number = line.split()
            newer[name] = int(number)
    resolved = {name: members(sets, name) for name in sets}
    resolved["@known"] |= set().union(*resolved.values()) | set(newer)
    calls = sorted(resolved["@known"])
    index = {name: position for position, name in enumerate(calls)}
    lines = ["// Made by generate_tables.py from data/*.txt.",
             f"inline constexpr std::size_t call_count = {len(calls)};",
             "// Of the names and numbers below: what a bit of a CallSet means.",
             f'inline constexpr std::string_view tables_digest = "{digest_of(calls, newer)}";',
             "inline constexpr std::string_view call_names[] = {"]
    lines += [f'    "{name}",' for name in calls]
    lines.append("};")
    for name in sorted(resolved):
        numbers = ", ".join(str(index[call]) for call in sorted(resolved[name]))
        lines.append(f"inline constexpr std::uint16_t members_of_{name[1:].replace('-', '_')}[] = {{{numbers}}};")
    lines.append("inline constexpr SetEntry set_table[] = {")
    lines += [f'    {{"{name}", members_of_{name[1:].replace("-", "_")}}},' for name in sorted(resolved)]
    lines.append("};")
    lines.append("inline constexpr NewerCall newer_calls[] = {")
    lines += [f"    {{{index[name]}, {number}}},  // {name}" for name, number in sorted(newer.items(), key=lambda n: n[1])]
    lines.append("};")
    with open(output, "w", encoding="ascii") as out:
        out.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
