"""Files and functions stay small enough to be read in one go."""

import ast
import statistics

from tests.architecture import source

LONGEST_FILE = 400
LONGEST_FUNCTION = 40
# `file:function` -> why it may be longer. Keep it short.
LONG_FUNCTIONS: dict[str, str] = {
    "consents/ledger.py:record": "one act with all its proof: half of it is the signature",
    "orders/sources/generic/body.py:event": "one member a line, as the guide lists them",
}


def test_no_file_is_longer_than_400_lines() -> None:
    long = {
        source.name(path): lines
        for path in source.modules()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    }
    assert not long, f"Split these by what they are about: {long}"


def test_no_function_is_longer_than_40_lines() -> None:
    long = {
        where: lines
        for where, lines in source.functions()
        if lines > LONGEST_FUNCTION and where not in LONG_FUNCTIONS
    }
    assert not long, f"Split these, or name them with a reason: {long}"


def test_every_named_exception_is_still_needed() -> None:
    lengths = dict(source.functions())
    idle = [where for where in LONG_FUNCTIONS if lengths.get(where, 0) <= LONGEST_FUNCTION]
    assert not idle, f"These are short now: {idle}"


def test_half_of_the_functions_are_shorter_than_10_lines() -> None:
    assert statistics.median(lines for _where, lines in source.functions()) < 10


def test_an_import_inside_a_function_gives_its_reason() -> None:
    bare = []
    for path in source.modules():
        lines = path.read_text(encoding="utf-8").splitlines()
        for function in ast.walk(source.tree(path)):
            if not isinstance(function, source.Function):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    _code, mark, reason = lines[node.lineno - 1].partition("# noqa: PLC0415")
                    if not mark or len(reason.strip(" -:#.")) < 10:
                        bare.append(f"{source.name(path)}:{node.lineno}")
    assert not bare, f"Move these to the top of the file: {bare}"
