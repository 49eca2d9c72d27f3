"""`zonehook keys rotate-encryption`. It speaks to the database and the home's key file, not to the API."""

import asyncio

from rich.console import Console
from rich.progress import Progress

from zonehook.reencryption import Reencryption
from zonehook.settings import Settings
from zonehook.store.database import Database

_console = Console()


def rotate_encryption() -> None:
    """Encrypt everything with a new key while all goes on; run it again if it was interrupted."""
    settings = Settings.read()
    done = asyncio.run(_rotate(settings))
    _console.print(f"{done} rows are encrypted with the new key alone", highlight=False)
    if settings.encryption_keys:
        _console.print("now take all keys but the first out of ZONEHOOK_ENCRYPTION_KEYS, for every process")


async def _rotate(settings: Settings) -> int:
    database = Database(settings.database)
    try:
        with Progress(console=_console, transient=True) as progress:
            task = progress.add_task("encrypting anew", total=None)
            desk = Reencryption(database, settings.encryption_keys, settings.home)
            return await desk.rotate(lambda done, total: progress.update(task, completed=done, total=total))
    finally:
        await database.close()
