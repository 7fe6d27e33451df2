"""Another naive project beside ours, to see that our baseline is no straw man.

It is a folder with a Django project called `hub` and a `driver.py`, which is not part
of this repository. It runs against the bench's own database, broker and stand-ins.
"""

import sys
from pathlib import Path

from tests.bench.scene import Incomplete, Scene
from tests.bench.sides import Naive, Project

SETTINGS = """\
import environ
from hub.settings import *
DATABASES = {"default": {**environ.Env().db_url("DATABASE_URL"), "CONN_MAX_AGE": 60}}
"""


def other_naive(scene: Scene, folder: Path, stub: int, tuned: bool) -> Naive:
    """The project in `folder`, as Celery comes or with its connection kept."""
    if not (folder / "hub" / "tasks.py").is_file():
        raise Incomplete(f"{folder} holds no such project")
    (scene.folder / "other_settings.py").write_text(SETTINGS, encoding="utf-8")
    env = {
        "DJANGO_SETTINGS_MODULE": "other_settings",
        "DATABASE_URL": scene.naive_database,
        "BROKER": scene.broker,
        "PROVIDER": scene.stubs[stub].url,
        "MODE": "naive",
        "REUSE": str(int(tuned)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    project = Project(
        env=env,
        make=[sys.executable, "-m", "hub.setup"],
        fill=[sys.executable, str(folder / "driver.py"), "fill"],
        app="hub.celery:app",
        orders="hub_order",
        log="hub_deliverylog",
        path=f"{folder}:{scene.folder}",
    )
    return Naive(scene, stub, project)
