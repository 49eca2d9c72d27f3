"""What the commands print: tables that fit a terminal, and pipes."""

import re
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

console = Console()
_TITLES = {"last_status_code": "code", "status_code": "code", "next_retry_at": "next (UTC)", "attempts": "tries"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def print_table(rows: list[dict[str, Any]], columns: list[str]) -> None:
    """These columns of the rows; `none` without rows."""
    if not rows:
        console.print("none")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        title = _TITLES.get(column, column.replace("_", " "))
        table.add_column(title, overflow="fold", no_wrap=column == "id", min_width=30 if column == "id" else None)
    for row in rows:
        table.add_row(*(Text(_cell(row[column])) for column in columns))
    # A pipe has no width: cut ids would be of no use to the program that reads them
    (console if console.is_terminal else Console(width=240)).print(table)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "all"
    if isinstance(value, str) and console.is_terminal and console.width < 110 and _TIME.fullmatch(value):
        return value[11:]
    return "-" if value is None else str(value)
