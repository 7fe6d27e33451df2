"""The demo's own secrets: made once, kept in `demo.json` beside the database."""

import json
import secrets
from pathlib import Path
from typing import Any

from channels_app import registry
from channels_app.sandbox.server import demo_credentials
from orders import registry as sources

FILE = "demo.json"


def load(folder: Path) -> dict[str, Any]:
    """The secrets of an earlier start of this folder, else new ones."""
    path = folder / FILE
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    channels = {entry["provider"]: entry["secret"] for entry in known.get("channels", [])}
    connections = {entry["source"]: entry["secret"] for entry in known.get("connections", [])}
    return {
        "password": known.get("staff", {}).get("password") or secrets.token_urlsafe(9),
        "api_token": known.get("api_token", ""),
        "channels": {
            slug: channels.get(slug) or demo_credentials(slug) for slug in registry.slugs()
        },
        "connections": {
            source: connections.get(source) or _connection_secret(source)
            for source in sources.slugs()
        },
    }


def _connection_secret(source: str) -> str:
    """Letters and digits only: WordPress changes other characters before it signs."""
    return secrets.token_hex(24)


def environment(known: dict[str, Any]) -> dict[str, str]:
    """The names by which `shop.yaml` asks for secrets."""
    env = {"DEMO_PASSWORD": known["password"]}
    for source, secret in known["connections"].items():
        env[f"{source.upper()}_SECRET"] = secret
    for slug, credentials in known["channels"].items():
        env |= {f"{slug}_{name}".upper(): value for name, value in credentials.items()}
    return env


def write(folder: Path, content: dict[str, Any]) -> None:
    """Write `demo.json`, readable by its owner only."""
    path = folder / FILE
    path.touch(mode=0o600)
    path.write_text(json.dumps(content, indent=2) + "\n")
