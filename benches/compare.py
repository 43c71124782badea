#!/usr/bin/env python3
"""Measures Strata beside Terraform (and OpenTofu, where built) in one run, and says the ratios.

    compare.py noop   [--count 10000] [--runs 5]   a plan that finds nothing to do
    compare.py apply  [--count 5000]  [--runs 1]   making everything; --skip-terraform leaves the slow one out
    compare.py scale  [--counts 1000,5000,…]       cost per resource against size, as SVG
    compare.py start  [--runs 9]                   --help, and a plan of 20
    compare.py validate [--runs 5]                 1,000 files with 10,000 blocks

STRATA names the binary (default: target/release/strata), TERRAFORM and TOFU the others. Needs no packages. Every figure is
of whole processes: wall time and the largest resident set, as the operating system accounts them.
"""
import argparse
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
STRATA = os.environ.get("STRATA", str(HERE.parent / "target/release/strata"))
TERRAFORM = os.environ.get("TERRAFORM", shutil.which("terraform") or "")
TOFU = os.environ.get("TOFU", "")


def run(command, cwd, want=None):
    """Runs a command; returns seconds, peak bytes and its output."""
    environment = {"PATH": os.environ["PATH"], "HOME": cwd, "CHECKPOINT_DISABLE": "1", "NO_COLOR": "1"}
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0 or (want and not re.search(want, output)):
        sys.exit(f"{' '.join(command)} in {cwd}: exit {process.returncode}, wanted {want!r}:\n{output[-3000:]}")
    return seconds, usage.ru_maxrss * 1024, output


def fsync_seconds(directory, rounds=50):
    """The median time of a small write made durable: without it no ratio of durable work can be judged."""
    path = pathlib.Path(directory) / "fsync"
    times = []
    with open(path, "wb", buffering=0) as file:
        for _ in range(rounds):
            started = time.perf_counter()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            times.append(time.perf_counter() - started)
    path.unlink()
    return statistics.median(times)


def generate(tool, directory, count, *extra):
    subprocess.run([sys.executable, HERE / "generate.py", tool, directory, str(count), *extra], check=True)
    return str(directory)


def row(name, seconds, memory):
    print(f"{name:<28} {min(seconds):9.3f} s  {statistics.median(seconds):9.3f} s  {max(seconds):9.3f} s  {max(memory) / 1e6:8.1f} MB")


def several(runs, command, cwd, want):
    results = [run(command, cwd, want) for _ in range(runs)]
    return [result[0] for result in results], [result[1] for result in results]


def noop(options, root):
    strata = generate("strata", root / "strata", options.count)
    run([STRATA, "apply", "-auto-approve"], strata)
    print(f"{options.count} resources, nothing to do; minimum, median, maximum of {options.runs} runs, largest memory")
    ours = several(options.runs, [STRATA, "plan"], strata, "No changes")
    row("strata plan", *ours)
    for name, tool in (("terraform", TERRAFORM), ("tofu", TOFU)):
        if not tool:
            continue
        theirs = generate("terraform", root / name, options.count, "--state")
        run([tool, "init"], theirs)
        other = several(max(1, options.runs // 3), [tool, "plan"], theirs, "No changes")
        row(f"{name} plan", *other)
        ratio = statistics.median(other[0]) / statistics.median(ours[0])
        print(f"  {name} ÷ strata: {ratio:.0f} × time, {max(other[1]) / max(ours[1]):.1f} × memory")


def apply(options, root):
    print(f"{options.count} resources made; fsync {fsync_seconds(root) * 1e3:.3f} ms (median)")
    times, memory = [], []
    for index in range(options.runs):
        strata = generate("strata", root / f"strata{index}", options.count)
        seconds, peak, _ = run([STRATA, "apply", "-auto-approve"], strata, f"{options.count} added")
        times.append(seconds)
        memory.append(peak)
    row("strata apply", times, memory)
    for name, tool in (("tofu", TOFU), ("terraform", "" if options.skip_terraform else TERRAFORM)):
        if not tool:
            continue
        theirs = generate("terraform", root / name, options.count)
        run([tool, "init"], theirs)
        seconds, peak, _ = run([tool, "apply", "-auto-approve"], theirs, f"{options.count} added")
        row(f"{name} apply", [seconds], [peak])
        print(f"  {name} ÷ strata: {seconds / statistics.median(times):.0f} × time")


def scale(options, root):
    print(f"cost per resource; fsync {fsync_seconds(root) * 1e3:.3f} ms (median)")
    points = []
    for count in (int(text) for text in options.counts.split(",")):
        strata = generate("strata", root / f"strata{count}", count)
        made, _, _ = run([STRATA, "apply", "-auto-approve"], strata, f"{count} added")
        same, _, _ = run([STRATA, "plan"], strata, "No changes")
        points.append((count, made / count * 1e3, same / count * 1e3))
        print(f"{count:>8}  apply {points[-1][1]:.4f} ms  no-op plan {points[-1][2]:.4f} ms each")
    first, last = points[0], points[-1]
    print(f"{last[0]} against {first[0]}: apply {last[1] / first[1]:.2f} ×, no-op plan {last[2] / first[2]:.2f} × per resource")
    pathlib.Path(options.svg).write_text(svg(points))
    print(f"drawn in {options.svg}")


def svg(points):
    """Cost per resource against size, both axes from zero."""
    width, height, margin = 640, 360, 60
    most = max(max(made, same) for _, made, same in points) * 1.1
    largest = points[-1][0]
    place = lambda count, cost: (
        margin + count / largest * (width - 2 * margin),
        height - margin - cost / most * (height - 2 * margin),
    )
    lines = []
    for column, colour, label in ((1, "#1f77b4", "apply"), (2, "#d62728", "no-op plan")):
        path = " ".join("%.1f,%.1f" % place(point[0], point[column]) for point in points)
        x, y = place(points[-1][0], points[-1][column])
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        lines.append(f'<text x="{x - 4:.0f}" y="{y - 8:.0f}" text-anchor="end" fill="{colour}">{label}</text>')
    axis = f"M{margin},{margin} V{height - margin} H{width - margin}"
    ticks = "".join(
        f'<text x="{place(count, 0)[0]:.0f}" y="{height - margin + 18}" text-anchor="middle">{count}</text>'
        for count, _, _ in points if count >= largest / 8
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="white"/><path d="{axis}" fill="none" stroke="black"/>{ticks}'
        f'<text x="{margin}" y="{margin - 12}">ms per resource (axis to {most:.2f})</text>'
        f'<text x="{width / 2}" y="{height - 12}" text-anchor="middle">resources</text>{"".join(lines)}</svg>\n'
    )


def start(options, root):
    strata = generate("strata", root / "small", 20)
    print(f"minimum, median, maximum of {options.runs} runs, largest memory")
    row("strata --help", *several(options.runs, [STRATA, "--help"], strata, "apply"))
    row("strata plan (20 to add)", *several(options.runs, [STRATA, "plan"], strata, "20 to add"))
    run([STRATA, "apply", "-auto-approve"], strata)
    row("strata plan (20, no-op)", *several(options.runs, [STRATA, "plan"], strata, "No changes"))


def definitions(file):
    """A file of ten resources that refer to each other."""
    blocks = []
    for block in range(10):
        number = file * 10 + block
        before = f"strata_data.r{number - 1}.output.index" if number else "0"
        blocks.append(
            f'# Number {number}.\nresource "strata_data" "r{number}" {{\n  input = {{\n    index = {before} + 1\n'
            f'    name  = "${{var.prefix}}-{number}" # a name\n    zones = join(",", [for zone in var.zones : upper(zone)])\n'
            f'    role  = {block} > 4 ? "private" : "public"\n  }}\n\n  lifecycle {{\n'
            f'    ignore_changes = [triggers_replace]\n  }}\n}}\n'
        )
    return "\n".join(blocks)


def processor_seconds():
    """The processor time of all processes that have ended: unlike wall time it says the same on a busy machine."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def validate(options, root):
    project = root / "validate"
    project.mkdir()
    size = 0
    for file in range(1000):
        text = definitions(file)
        size += len(text)
        (project / f"f{file:04}.strata.hcl").write_text(text)
    (project / "project.strata.hcl").write_text(
        'variable "prefix" {\n  default = "a"\n}\n\nvariable "zones" {\n  default = ["a", "b"]\n}\n'
    )
    print(f"1,000 files with 10,000 blocks, {size / 1e6:.1f} MB; minimum, median, maximum, largest memory")
    before = processor_seconds()
    seconds, memory = several(options.runs, [STRATA, "validate"], str(project), "valid")
    each = (processor_seconds() - before) / options.runs
    row("strata validate", seconds, memory)
    print(f"  {size / 1e6 / statistics.median(seconds):.1f} MB/s; {each:.3f} s of processor time, {size / 1e6 / each:.1f} MB/s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["noop", "apply", "scale", "start", "validate"])
    parser.add_argument("--count", type=int)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--counts", default="1000,5000,10000,20000,50000")
    parser.add_argument("--svg", default="cost.svg")
    parser.add_argument("--skip-terraform", action="store_true")
    options = parser.parse_args()
    options.count = options.count or {"noop": 10000, "apply": 5000}.get(options.what, 0)
    options.runs = options.runs or {"noop": 5, "apply": 3, "start": 9, "validate": 5}.get(options.what, 1)
    with tempfile.TemporaryDirectory(prefix="strata-bench-") as root:
        {"noop": noop, "apply": apply, "scale": scale, "start": start, "validate": validate}[options.what](options, pathlib.Path(root))


if __name__ == "__main__":
    main()
