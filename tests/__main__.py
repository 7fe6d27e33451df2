"""`python -m tests`: the whole suite on SQLite, then again on PostgreSQL where it answers."""

import os
import subprocess
import sys

from tests import services

ONCE = "not services and not browser and not drill"


def _pytest(arguments: list[str], database_url: str = "") -> int:
    """Run pytest over all cores, on SQLite unless told otherwise; its exit status.

    Tests that share processes stay together (`xdist_group`).
    """
    workers = (
        [] if any(a.startswith("-n") for a in arguments) else ["-n", "auto", "--maxprocesses=4"]
    )
    command = [sys.executable, "-m", "pytest", "--dist=loadgroup", *workers, *arguments]
    env = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    if database_url:
        env["DATABASE_URL"] = database_url
    status = subprocess.run(command, env=env, check=False).returncode
    return 0 if status == 5 else status  # 5: nothing was selected


def main() -> int:
    """Run both; the first bad exit status, or 0."""
    arguments = sys.argv[1:]
    url, why = services.postgres()
    print("== The suite on SQLite", flush=True)
    first = _pytest(["-m", "not drill", *arguments])
    if not url:
        print(f"== The suite did not run on PostgreSQL: {why}", flush=True)
        return first
    print("== The suite on PostgreSQL", flush=True)
    return _pytest(["-m", ONCE, *arguments], url) or first


if __name__ == "__main__":
    sys.exit(main())
