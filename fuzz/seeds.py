"""Collects what fuzzing begins with: the examples of the documentation and of the tests."""

import pathlib
import re
import shutil

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent


def write(target, texts):
    directory = HERE / "seeds" / target
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for number, text in enumerate(sorted(set(texts))):
        (directory / f"{number:04}").write_text(text, encoding="utf-8")


def unquoted(text):
    """What a quoted text without templates means, nearly: seeds need not be exact."""
    return text[1:-1].replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")


def main():
    spelled = {"hcl": [], "yaml": []}
    pages = [ROOT / "docs" / "language.md", *(ROOT / "docs" / "errors").glob("*.md")]
    for page in pages:
        for kind, text in re.findall(r"^```(hcl|yaml)[^\n]*\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S):
            spelled[kind].append(text)
    for directory in ("examples", "stacks"):
        for path in (ROOT / directory).rglob("*.strata.*"):
            spelled[path.suffix[1:]].append(path.read_text(encoding="utf-8"))
    lines = (ROOT / "engine/language/tests/expressions/expressions.txt").read_text(encoding="utf-8").splitlines()
    write("hcl", spelled["hcl"])
    write("yaml", spelled["yaml"])
    write("fmt", spelled["hcl"] + spelled["yaml"])
    write("expressions", [line for line in lines if line and not line.startswith("# ")])
    called = re.findall(r'(?:regex|regexall)\(("[^\n]*?"), ("[^\n]*?")\)$', "\n".join(lines), re.M)
    patterns = [f"{unquoted(pattern)}\n{unquoted(text)}" for pattern, text in called]
    # What a search looks at far behind a match.
    patterns += ["a|.*b\na", "(.*b)?\na", "(a*)*b\na", "(x+x+)+y\nx", "a{2,30}b|a\na", "(?:.*c|b)*?\nab", "\\b|.*\\d\na "]
    write("patterns", patterns)


if __name__ == "__main__":
    main()
