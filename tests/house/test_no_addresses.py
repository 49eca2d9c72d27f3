"""No file names a package registry's host or a place on the machine it was written on."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Joined from pieces, so that this file does not contain what it looks for
HOSTS = [
    ("pypi", "org"), ("pypi", "python", "org"), ("python" + "hosted", "org"), ("npmjs", "org"), ("npmjs", "com"),
    ("yarnpkg", "com"), ("rubygems", "org"), ("crates", "io"), ("proxy", "golang", "org"), ("anaconda", "org"),
    ("maven", "org"), ("jfrog", "io"),
]  # fmt: skip
PLACES = [("", "work", r"\w"), ("", "root", r"[\w.]"), ("", "Users", r"\w"), ("", "home", r"(?!zonehook\b)\w")]
OPTIONS = [("--index", r"url[= ]"), ("--extra-index", r"url[= ]"), ("--trusted", "host[= ]")]
TELLING = re.compile(
    "|".join(
        [r"\.".join(pieces) for pieces in HOSTS]
        + [r"(?<![\w.~-])" + "/".join(pieces) for pieces in PLACES]
        + ["(?<![a-z-])" + "-".join(pieces) for pieces in OPTIONS]
    )
)


def _files() -> list[str]:
    """Everything that is committed or could be next."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [path for path in listed if (ROOT / path).is_file()]


def test_no_file_names_a_registry_or_a_place() -> None:
    """Whoever reads the repository learns nothing of the machines behind it, and installs from where they choose."""
    found = []
    for path in _files():
        lines = (ROOT / path).read_text(errors="replace").splitlines()
        found += [f"{path}:{number}: {line[:120]}" for number, line in enumerate(lines, 1) if TELLING.search(line)]
    assert found == []


TELLING_LINES = [
    ("--index", "-url https://packages.example/x"), ("--index", "-url=https://packages.example/x"),
    ("https://files.python", "hosted.org/packages/x"), ("https://pypi", ".org/project/x"), ("cd /", "work/main"),
    ("'/", "root/.cache'"), ("x=/", "home/someone/x"), ("(/", "Users/someone)"),
]  # fmt: skip


@pytest.mark.parametrize("pieces", TELLING_LINES)
def test_what_is_looked_for_would_be_found(pieces: tuple[str, str]) -> None:
    """The patterns match lines as they would slip in."""
    assert TELLING.search("".join(pieces))


@pytest.mark.parametrize(
    "line", ["a framework/main", "--no-emit-index-url", "/usr/bin/python3.12", "docs/work/x", "homework/x", "pypi/org"]
)
def test_ordinary_lines_are_left_alone(line: str) -> None:
    """The patterns do not match what belongs in a repository."""
    assert not TELLING.search(line)
