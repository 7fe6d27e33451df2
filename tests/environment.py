"""Gives the suite a folder, secrets and a database name of its own, before settings load.

Named in `addopts` as a plugin, because pytest-django loads the settings before
any conftest is read. Worker processes inherit what their parent chose.
"""

import atexit
import os
import shutil
import tempfile
import uuid

RUN = os.environ.setdefault("ORDERBELL_TEST_RUN", uuid.uuid4().hex[:8])


def _own_folder() -> str:
    """The run's folder, or this worker's part of it."""
    parent = os.environ.get("ORDERBELL_TEST_DATA")
    if parent is None:
        parent = tempfile.mkdtemp(prefix=f"orderbell-test-{RUN}-")
        os.environ["ORDERBELL_TEST_DATA"] = parent
        atexit.register(shutil.rmtree, parent, ignore_errors=True)
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    return os.path.join(parent, worker) if worker else parent


os.environ["DATA"] = _own_folder()
# What a developer has in the shell must not change what is tested.
for name in ("REDIS_URL", "CELERY_BROKER_URL", "PUBLIC_BASE_URL", "SANDBOX_URL", "DEBUG"):
    os.environ.pop(name, None)
os.environ["SECRET_KEY"] = "suite-secret-key-of-no-value-outside-the-tests-0123456789"
os.environ["CREDENTIAL_KEYS"] = "suite-credential-key-0123456789"
os.environ["LOG_LEVEL"] = os.environ.get("LOG_LEVEL", "WARNING")
