"""Secrets that a local run makes for itself and keeps beside its database."""

import base64
import contextlib
import os
import secrets
from pathlib import Path


def local_secret(folder: Path, name: str) -> str:
    """The secret kept in `folder/name`, made on first use; 32 random bytes, URL-safe base64.

    Two processes starting together agree: the file appears whole, under its name, once.
    """
    path = folder / f".{name}"
    if not path.exists():
        draft = folder / f".{name}.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text(encoding="ascii").strip()
