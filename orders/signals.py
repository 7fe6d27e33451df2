"""The signals of the orders app: one for the domain, one for the inbox.

Sent after commit by `orders.timeline`, once per batch, with `change_ids`, a list
of StatusChange ids. Receivers only ring the doorbell: `planned_at is null` is
the truth, and a lost signal loses nothing.
"""

from django.dispatch import Signal

order_status_changed = Signal()

# Sent after commit by `orders.intake` when something was stored; receivers ring the doorbell.
inbound_stored = Signal()
