"""The desks over a database of the test's own."""

from tests.store.conftest import account_id, archive, cipher, database, fanout, ledger, postgres, registry, url

__all__ = ["account_id", "archive", "cipher", "database", "fanout", "ledger", "postgres", "registry", "url"]
