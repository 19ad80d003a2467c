"""`python -m domain.migrations "what changes"`: writes the next migration from the difference of tables and migrations.

It compares with an embedded database of its own, so nobody's data is near. A difference is a draft: read it.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from alembic.script import ScriptDirectory

from domain import migrations
from domain.foundation import embedded


def main(message: str) -> Path:
    """Write the file and give back its path. Its number follows the newest one's."""
    with TemporaryDirectory(prefix="nm-") as folder, embedded.start(Path(folder), redis=False, broker=False) as engines:
        migrations.upgrade(engines.database_url)
        config = migrations.config(engines.database_url)
        newest = ScriptDirectory.from_config(config).get_current_head() or "0000"
        written = command.revision(config, message, autogenerate=True, rev_id=f"{int(newest) + 1:04}")
    return Path(written.path)  # type: ignore[union-attr]  # a list only for several branches


if __name__ == "__main__":
    print(main(sys.argv[1]))  # noqa: T201 - for whoever runs it
