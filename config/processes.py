"""Which kind of process this is, by how it was started."""

from collections.abc import Sequence
from pathlib import Path

# The admin's tables and permissions, without the modules behind its pages.
ADMIN_WITHOUT_PAGES = "django.contrib.admin.apps.SimpleAdminConfig"


def serves_pages(argv: Sequence[str]) -> bool:
    """Whether a process started as `argv` may serve pages: all but workers, beat and the pump."""
    if not argv:
        return True
    program = Path(argv[0])
    if program.name == "celery" or program.parts[-2:] == ("celery", "__main__.py"):
        return False
    return argv[1:2] != ["dispatcher"]
