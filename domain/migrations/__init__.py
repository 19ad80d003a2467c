"""The schema's history (Alembic). `upgrade` brings a database to the newest version; a test proves migrations == tables."""

from pathlib import Path

from alembic import command
from alembic.config import Config


def config(url: str) -> Config:
    """Alembic's configuration for a database, without an ini file."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    made.attributes["url"] = url
    return made


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database to this revision. Two at once wait for each other; the second finds nothing to do."""
    command.upgrade(config(url), revision)
