"""Who may connect a source or change one: owners and managers, within their stores."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from notifications.views import scope
from notifications.views.scope import Scope
from orders.models import SourceConnection, StaffMembership, Store

MANAGING = frozenset({StaffMembership.Role.OWNER, StaffMembership.Role.MANAGER})


def may_manage(seen: Scope, connection: SourceConnection) -> bool:
    """Whether this person may change `connection`: what feeds all stores needs the whole brand."""
    return _may(seen, connection.brand_id, connection.store_id)


def may_connect(seen: Scope) -> bool:
    """Whether this person may add a source to the current brand, be it for one store."""
    return _may(seen, seen.brand.pk, None) or bool(stores(seen))


def stores(seen: Scope) -> list[Store]:
    """The stores of the current brand for which this person may add a source."""
    return [store for store in seen.stores if _may(seen, seen.brand.pk, store.pk)]


def whole_brand(seen: Scope) -> bool:
    """Whether this person may add a source that feeds all stores."""
    return _may(seen, seen.brand.pk, None)


def _may(seen: Scope, brand_id: int, store_id: int | None) -> bool:
    if seen.user.is_active and getattr(seen.user, "is_superuser", False):
        return True
    return any(
        member.brand_id == brand_id
        and member.role in MANAGING
        and member.store_id in (None, store_id)
        for member in seen.memberships
    )


def open_connection(request: HttpRequest, pk: int) -> SourceConnection:
    """The connection, for somebody who may see it; 404 for anybody else."""
    rows = scope.connections(scope.scope(request), everywhere=True)
    return get_object_or_404(rows.select_related("brand", "store"), pk=pk)


def managed_connection(request: HttpRequest, pk: int) -> SourceConnection:
    """The connection, for somebody who may change it; raises PermissionDenied."""
    row = open_connection(request, pk)
    if not may_manage(scope.scope(request), row):
        raise PermissionDenied(_("Only owners and managers may change a source."))
    return row
