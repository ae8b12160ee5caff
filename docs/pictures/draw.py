#!/usr/bin/env python3
"""Draws the pictures of the README and the guide, each in a light and a dark version.

    python3 -m pip install matplotlib
    python3 docs/pictures/draw.py

Diagrams are written as SVG directly. Plots are drawn by matplotlib from the tables in docs/performance.md, which are
the output of the benchmarks. The output is deterministic, so that `git diff` shows what changed.
"""

import pathlib
from html import escape

import plots

HERE = pathlib.Path(__file__).parent

THEMES = {
    "light": dict(
        ink="#1f2328", dim="#59636e", line="#818b98", paper="#ffffff", box="#f6f8fa",
        code="#ddf4ff", code_line="#54aeff", hole="#fff1c2", hole_line="#bf8700", data="#dafbe1", data_line="#2da44e",
        accent="#0969da", exit="#cf222e",
    ),
    "dark": dict(
        ink="#f0f6fc", dim="#9198a1", line="#656c76", paper="#0d1117", box="#151b23",
        code="#12304f", code_line="#388bfd", hole="#4b3500", hole_line="#d29922", data="#10361d", data_line="#3fb950",
        accent="#58a6ff", exit="#f85149",
    ),
}

MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
SANS = "system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif"


class Picture:
    """An SVG file in the making. Coordinates are in pixels, from the upper left corner."""

    def __init__(self, name, width, height, title, theme):
        self.name, self.theme, self.items = name, THEMES[theme], []
        self.head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
        )

    def color(self, name):
        return self.theme.get(name, name)

    def text(self, x, y, text, size=13, fill="ink", anchor="start", mono=False, bold=False):
        weight = ' font-weight="600"' if bold else ""
        family = MONO if mono else SANS
        self.items.append(
            f'<text x="{x}" y="{y}" font-family="{family}" font-size="{size}" fill="{self.color(fill)}" '
            f'text-anchor="{anchor}" xml:space="preserve"{weight}>{escape(text)}</text>'
        )

    def box(self, x, y, width, height, fill="box", line="line", dashed=False, radius=4):
        dash = ' stroke-dasharray="3 3"' if dashed else ""
        self.items.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}" fill="{self.color(fill)}" '
            f'stroke="{self.color(line)}"{dash}/>'
        )

    def arrow(self, path, color="line", dashed=False):
        """An arrow along an SVG path. The last two points of the path give its direction."""
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        self.items.append(
            f'<path d="{path}" fill="none" stroke="{self.color(color)}" stroke-width="1.5"{dash} '
            f'marker-end="url(#{color})"/>'
        )

    def save(self, theme):
        markers = "".join(
            f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            f'orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{self.color(name)}"/></marker>'
            for name in ("line", "accent", "exit")
        )
        body = "\n".join([self.head, f"<defs>{markers}</defs>", *self.items, "</svg>\n"])
        (HERE / f"{self.name}-{theme}.svg").write_text(body)


def how_it_works(theme):
    """From a C body to a program: the four steps, with the real bytes of `push`."""
    p = Picture("how-it-works", 860, 452, "From a C body to machine code in memory", theme)
    cell, left = 25, 250
    code = "4d 89 2c 24 49 83 c4 08 49 bd".split()

    def step(y, number, title, *lines):
        p.text(16, y, f"{number}", 20, "accent", bold=True)
        p.text(40, y, title, 15, bold=True)
        for row, line in enumerate(lines):
            p.text(40, y + 19 + 17 * row, line, 12.5, "dim")

    def byte(x, y, text, kind):
        fill, line = {"code": ("code", "code_line"), "hole": ("hole", "hole_line"), "zero": ("paper", "line")}[kind]
        p.box(x, y, cell, 26, fill, line, dashed=kind == "zero", radius=2)
        p.text(x + cell / 2, y + 17.5, text, 12, "dim" if kind == "zero" else "ink", "middle", mono=True)

    # 1: the source.
    step(34, 1, "You write", "a typed Rust signature", "and a C body")
    p.box(left, 12, 18 * cell, 64)
    p.text(left + 14, 35, "pub uop push(value: i64) {", 13, mono=True)
    p.text(left + 14, 51, "    *sp++ = top;", 13, mono=True)
    p.text(left + 14, 67, "    top = value;  }", 13, mono=True)
    p.arrow(f"M{left + 60} 78 L{left + 60} 105")
    p.text(left + 72, 97, "a C compiler runs while rustc expands stencil!", 12, "dim")

    # 2: the object file.
    y = 112
    step(y + 18, 2, "The object file", "machine code; a relocation", "marks the operand's hole")
    for i, text in enumerate(code):
        byte(left + i * cell, y, text, "code")
    for i in range(8):
        byte(left + (10 + i) * cell, y, "00", "hole")
    for start, count, text in ((0, 4, "mov %r13, (%r12)"), (4, 4, "add $8, %r12")):
        p.text(left + (start + count / 2) * cell, y + 43, text, 10.5, "dim", "middle", mono=True)
    p.text(left + 13 * cell, y + 43, "movabs $value, %r13", 10.5, "dim", "middle", mono=True)
    p.arrow(f"M{left + 60} 164 L{left + 60} 191")
    p.text(left + 72, 183, "the macro expands into Rust", 12, "dim")

    # 3: the emit function.
    y = 198
    step(y + 18, 3, "emit_push(value)", "stores 10 bytes and patches 8;", "fresh memory holds the zeros")
    for i, text in enumerate(code):
        byte(left + i * cell, y, text, "code")
    for i in range(8):
        byte(left + (10 + i) * cell, y, "", "zero")
    p.text(left + 5 * cell, y + 43, "copied", 12, "dim", "middle")
    p.text(left + 14 * cell, y + 43, "value: i64, checked and patched", 12, "dim", "middle")
    p.arrow(f"M{left + 60} 250 L{left + 60} 277")
    p.text(left + 72, 269, "at run time: no compiler, no assembler", 12, "dim")

    # 4: the program.
    y = 284
    step(y + 18, 4, "The program", "uops lie one after another;", "each falls through to the next")
    for row, value in enumerate(("28", "02")):
        for i, text in enumerate(code):
            byte(left + i * cell, y + 31 * row, text, "code")
        for i, text in enumerate([value] + ["00"] * 7):
            byte(left + (10 + i) * cell, y + 31 * row, text, "hole")
        p.text(left + 18 * cell + 10, y + 31 * row + 18, f"push({int(value, 16)})", 13, mono=True)
    for i, text in enumerate("4d 03 6c 24 f8 49 83 c4 f8".split()):
        byte(left + i * cell, y + 62, text, "code")
    p.text(left + 9 * cell + 10, y + 80, "add()", 13, mono=True)
    for i, text in enumerate("4c 89 e8 c3".split()):
        byte(left + i * cell, y + 93, text, "code")
    p.text(left + 4 * cell + 10, y + 111, "ret()", 13, mono=True)
    p.text(left, y + 147, "sp is %r12 and top is %r13: a machine's registers stay in the processor's.", 12.5, "dim")
    p.save(theme)


def in_memory(theme):
    """A program in memory: an arena near the executable, and one program's code and data."""
    p = Picture("in-memory", 860, 396, "A program in memory", theme)
    p.text(20, 28, "Address space", 14, bold=True)
    p.box(20, 42, 190, 46)
    p.text(115, 62, "executable", 13, anchor="middle")
    p.text(115, 79, "host functions, constants", 11.5, "dim", "middle")
    p.box(270, 42, 570, 46)
    for x, width, text in ((282, 96, "program A"), (384, 150, "program B"), (540, 96, "freed"), (642, 96, "program D")):
        freed = text == "freed"
        p.box(x, 49, width, 32, "paper" if freed else "code", "line" if freed else "code_line", dashed=freed)
        p.text(x + width / 2, 69, text, 12, "dim" if freed else "ink", "middle")
    p.text(788, 69, "fresh: zero", 12, "dim", "middle")
    p.text(270, 32, "arena, reserved within 2 GiB of the executable; a program is whole cache lines", 12, "dim")
    p.arrow("M210 65 L268 65", dashed=True)
    p.text(240, 57, "< 2 GiB", 11, "dim", "middle")

    p.items.append(
        f'<path d="M384 81 L20 150 M534 81 L840 150" stroke="{p.color("line")}" stroke-dasharray="3 3" fill="none"/>'
    )
    p.box(20, 150, 820, 226)
    p.text(34, 174, "program B: code", 13, bold=True)
    blocks = [
        (34, 96, "entry", "Rust calls it"), (130, 120, "load", "register A"), (250, 150, "guard", "cmp; jne"),
        (400, 120, "add", "falls through"), (520, 150, "loop_nz", "dec; jne"), (670, 70, "ret", ""),
    ]
    for x, width, name, what in blocks:
        p.box(x, 206, width, 50, "code", "code_line", radius=0)
        p.text(x + width / 2, 228, name, 13, anchor="middle", mono=True)
        p.text(x + width / 2, 245, what, 11.5, "dim", "middle")
    p.box(740, 206, 46, 50, "paper", "line", radius=0)
    p.text(763, 235, "ud2", 12, "dim", "middle", mono=True)
    p.arrow("M600 206 C 590 184, 205 184, 192 205", "accent")
    p.text(396, 184, "a label: rel8 or rel32, patched", 12, "accent", "middle")
    p.text(34, 296, "data", 13, bold=True)
    data = [
        (130, 200, "out-of-line code", "the unlikely path of guard"), (330, 180, "float constants", "read relative to code"),
        (510, 180, "operand values", "too wide for the code"), (690, 140, "trampolines", "only out of reach"),
    ]
    for x, width, name, what in data:
        p.box(x, 306, width, 50, "data", "data_line", radius=0)
        p.text(x + width / 2, 328, name, 13, anchor="middle")
        p.text(x + width / 2, 345, what, 11.5, "dim", "middle")
    p.arrow("M320 256 C 320 280, 240 280, 232 305", "exit")
    p.save(theme)


def tracing(theme):
    """The tiers of the tracing interpreter in examples/."""
    p = Picture("tracing", 860, 300, "The tiers of a tracing interpreter", theme)

    def stage(x, y, width, title, *lines, fill="box", line="line"):
        p.box(x, y, width, 76, fill, line)
        p.text(x + width / 2, y + 27, title, 14, anchor="middle", bold=True)
        for row, text in enumerate(lines):
            p.text(x + width / 2, y + 46 + 16 * row, text, 12, "dim", "middle")

    stage(20, 30, 130, "Source", "parsed once", "into bytecode")
    stage(210, 30, 180, "Interpreter", "runs everything and", "counts loop iterations")
    stage(480, 30, 160, "Recorder", "writes one iteration", "down, with type guards")
    stage(700, 30, 140, "Optimizer", "removes guards", "that must hold")
    stage(480, 194, 160, "Machine code", "the trace's uops,", "looping", fill="code", line="code_line")
    stage(700, 194, 140, "Assembler", "steps to uops,", "uops to code")
    p.arrow("M150 68 L208 68")
    p.arrow("M390 68 L478 68", "accent")
    p.text(434, 58, "loop is hot", 12, "accent", "middle")
    p.arrow("M640 68 L698 68")
    p.arrow("M770 106 L770 192")
    p.arrow("M700 232 L642 232")
    p.arrow("M330 106 C 330 190, 380 215, 478 218", "accent")
    p.text(352, 146, "at the loop's head", 12, "accent")
    p.arrow("M480 250 C 330 256, 262 200, 262 108", "exit")
    p.text(262, 262, "a guard fails: continue here", 12, "exit")
    p.arrow("M560 194 L560 108", "exit", dashed=True)
    p.text(568, 156, "an exit is hot:", 12, "exit")
    p.text(568, 172, "record from there", 12, "exit")
    p.save(theme)


for theme in THEMES:
    how_it_works(theme)
    in_memory(theme)
    tracing(theme)
    plots.draw_all(HERE, theme, THEMES[theme])
