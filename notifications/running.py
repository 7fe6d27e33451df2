"""The one pump of this process."""

from notifications import doorbell
from notifications.pump import Pump

_pump: Pump | None = None


def start() -> Pump:
    """Start this process's pump in a thread; the doorbell rings it directly from now on."""
    global _pump
    if _pump is None:
        _pump = Pump()
        _pump.start()
        doorbell.listen(_pump.wake)
    return _pump


def wake() -> None:
    """Look now, if a pump runs here."""
    if _pump is not None:
        _pump.wake()


def stop() -> None:
    """Let what is in flight end, settle, and return."""
    global _pump
    if _pump is not None:
        _pump.stop()
        _pump = None
