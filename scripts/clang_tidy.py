#!/usr/bin/env python3
"""clang-tidy over the product's sources: scripts/clang_tidy.py BUILD [--each] [-- ARGUMENT ...]

Most of the time goes into headers. So the sources of a folder are checked a few at a time, as one source that
includes them. What a group says, or why it does not compile (two sources use one name each in its own way), counts
only when a source says it alone: the sources of such a group are checked again one by one. A group cannot show a
missing #include that a neighbour has, nor an unused using-declaration; --each checks every source alone.
The precompiled headers of the build are left out: they are another compiler's. Exit code 1 when something was found.
"""
import json
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FOLDERS = ("postgres", "migrations", "strategies", "checkers", "orchestrator")
GROUP_SIZE = 6
ROOT = Path(__file__).resolve().parent.parent


def product_sources(build):
    """(source, compile command) of what the build compiles; generated sources stand in the build folder."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = Path(entry["file"])
        if source.is_relative_to(ROOT) and source.relative_to(ROOT).parts[0] in FOLDERS:
            yield source, entry["command"]


def options(command):
    """The compiler's options of a compile command, without its source and its output."""
    words = shlex.split(re.sub(r" -fpch-preprocess| -Winvalid-pch| -include \S*cmake_pch\.hxx", "", command))
    if Path(words[0]).name not in ("c++", "g++", "clang++"):  # a launcher comes first
        words = words[next(i for i, word in enumerate(words) if re.fullmatch(r"(c|g|clang)\+\+[-\d]*", Path(word).name)):]
    kept, skip = [], False
    for word in words[1:]:
        if skip or word == "-c":
            skip = False
        elif word == "-o":
            skip = True
        elif not word.endswith((".cc", ".o")):
            kept.append(word)
    return kept


def groups(sources, folder):
    """[(file to check, its sources, options)]: every n-th source of a folder, so that kin seldom meet."""
    by_kind = {}
    for source, command in sorted(sources):
        by_kind.setdefault((source.parent, tuple(options(command))), []).append(source)
    folder.mkdir(parents=True, exist_ok=True)
    for (parent, flags), members in by_kind.items():
        count = -(-len(members) // GROUP_SIZE)
        for index in range(count):
            part = members[index::count]
            name = "_".join(parent.relative_to(ROOT).parts) + f"_{index}_{part[0].stem}.cc"
            (folder / name).write_text("".join(f'#include "{source}"\n' for source in part))
            yield folder / name, part, list(flags)


def check(file, flags, arguments):
    return subprocess.run(
        ["clang-tidy", "-quiet", f"--config-file={ROOT}/.clang-tidy", f"-header-filter={ROOT}/({'|'.join(FOLDERS)})/", *arguments, str(file), "--", "-w", *flags],
        capture_output=True, text=True, check=False)


def main():
    arguments = sys.argv[1:]
    extra = arguments[arguments.index("--") + 1:] if "--" in arguments else []
    mine = arguments[:arguments.index("--")] if "--" in arguments else arguments
    each = "--each" in mine
    build = Path(next(word for word in mine if word != "--each")).resolve()
    sources = list(product_sources(build))
    if not sources:
        sys.exit(f"{build}/compile_commands.json names no source of the product")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        alone = [(source, options(command)) for source, command in sources]
        if not each:
            checked = list(groups(sources, build / "tidy"))
            results = pool.map(lambda group: check(group[0], group[2], extra), checked)
            alone = [(source, flags) for (_, part, flags), result in zip(checked, results)
                     if result.returncode != 0 for source in part]
            print(f"{len(sources)} sources in {len(checked)} groups, {len(alone)} of them once more alone")
        found = 0
        for (source, _), result in zip(alone, pool.map(lambda one: check(one[0], one[1], extra), alone)):
            if result.returncode != 0:
                found += 1
                print(f"{source.relative_to(ROOT)}:\n{result.stdout}{result.stderr}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
