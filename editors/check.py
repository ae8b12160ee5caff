#!/usr/bin/env python3
"""Checks that the tree-sitter queries find each body and `c` block of sample.rs, and nothing else.

Requires the packages tree-sitter, tree-sitter-rust and tree-sitter-c.
"""

import pathlib

import tree_sitter_c
import tree_sitter_rust
from tree_sitter import Language, Parser, Query, QueryCursor

HERE = pathlib.Path(__file__).parent
RUST, C = Language(tree_sitter_rust.language()), Language(tree_sitter_c.language())

source = (HERE / "sample.rs").read_bytes()
query = Query(RUST, (HERE / "tree-sitter/injections.scm").read_text())
found = {}
for _, captures in QueryCursor(query).matches(Parser(RUST).parse(source).root_node):
    for node in captures.get("injection.content", []):
        found[node.start_point.row + 1] = source[node.start_byte:node.end_byte]

for line, text in found.items():
    assert not Parser(C).parse(text).root_node.has_error, f"line {line} is not valid C: {text}"
# The comment `// C` marks each line of the sample on which C begins.
lines = source.decode().splitlines()
expected = [number for number, line in enumerate(lines, 1) if "// C" in line]
assert sorted(found) == expected, f"expected C at lines {expected}, found it at {sorted(found)}"
print(f"{len(found)} passed, 0 failed")
