"""The README's plots, drawn from the tables of docs/performance.md."""

import pathlib

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot, ticker  # noqa: E402  (the backend comes first)

TABLES = pathlib.Path(__file__).parents[1] / "performance.md"


def table(heading):
    """The rows of the first table under a heading: a dictionary from column name to cell for each."""
    lines = TABLES.read_text().split(f"## {heading}\n", 1)[1].splitlines()
    rows = []
    for line in lines:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
        elif rows:
            break
    names, _rule, *cells = rows
    return [dict(zip(names, row)) for row in cells]


def dots(path, colors, title, unit, values, points=None):
    """A row for each name with its value on a logarithmic axis; ours in another color. `points` are single measurements."""
    style = {"font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 10, "svg.hashsalt": "stencil", "svg.fonttype": "none"}
    with pyplot.rc_context(style):
        figure, axes = pyplot.subplots(figsize=(7.6, 0.38 * len(values) + 1.1))
        figure.patch.set_alpha(0)
        axes.patch.set_alpha(0)
        for row, (name, value) in enumerate(values.items()):
            ours = name.startswith(("uops", "stencil"))
            axes.axhline(row, color=colors["line"], linewidth=0.5, alpha=0.5)
            singles = (points or {}).get(name, ())
            axes.plot(singles, [row] * len(singles), ".", color=colors["dim"], markersize=3.5)
            axes.plot(value, row, "o", color=colors["accent"] if ours else colors["ink"], markersize=8)
            axes.annotate(
                f"{value:,.3g}" if value < 1000 else f"{value:,.0f}", (max([value, *singles]), row), (8, 0),
                textcoords="offset points", va="center", color=colors["ink"], fontweight="bold" if ours else "normal",
            )
        axes.set_yticks(range(len(values)), values)
        axes.invert_yaxis()
        axes.set_xscale("log")
        axes.margins(x=0.14)
        axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda x, _: f"{x:,g}"))
        axes.set_xlabel(f"{unit}, logarithmic axis", color=colors["dim"])
        axes.set_title(title, color=colors["ink"], loc="left", fontsize=11, fontweight="bold")
        axes.tick_params(axis="both", which="both", colors=colors["ink"], length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
        pyplot.close(figure)


def run_time(folder, theme, colors):
    rows = table("Run time of WebAssembly")
    engines = [name for name in rows[0] if name not in ("program", "uops, ms")]
    singles = [row for row in rows if not row["program"].startswith("geometric mean")]
    mean = next(row for row in rows if row["program"] == "geometric mean, all")
    values = {name: float(mean[name]) for name in engines} | {"uops": 1.0}
    points = {name: [float(row[name]) for row in singles] for name in engines}
    order = sorted(values, key=values.get)
    dots(
        folder / f"run-time-{theme}.svg", colors, "Run time of WebAssembly, 43 programs",
        "relative to uops: geometric mean, and a small dot for each program",
        {name: values[name] for name in order}, points,
    )


def compile_time(folder, theme, colors):
    mean = next(row for row in table("Compile time of WebAssembly") if row["module"] == "geometric mean, real modules")
    values = {name: float(mean[name]) for name in ("wasmi", "Liftoff", "uops", "Winch", "Cranelift")}
    dots(
        folder / f"compile-time-{theme}.svg", colors, "Compile time of WebAssembly, 14 real modules",
        "ns per byte of code, geometric mean", values,
    )


def placing(folder, theme, colors):
    values = {}
    for row in table("Making machine code"):
        cell = row["function"].split("·")[0].strip().replace(",", "")
        if cell and not row["way"].startswith("`memcpy`"):
            name = row["way"]
            values[f"stencil: {name}" if name.startswith("programs") else name] = float(cell)
    dots(
        folder / f"placing-{theme}.svg", colors, "Making a function of ten small uops executable",
        "ns per function, 1,000 functions", dict(sorted(values.items(), key=lambda item: item[1])),
    )


def draw_all(folder, theme, colors):
    run_time(folder, theme, colors)
    compile_time(folder, theme, colors)
    placing(folder, theme, colors)
