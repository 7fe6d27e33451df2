"""What every admin page of the product has in common: scope, short counts, exact search."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib.admin import RelatedFieldListFilter
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from orders.models import Brand, StaffMembership

MOST_COUNTED = 1000


def open_brands(user: Any) -> Collection[int] | None:
    """The brands whose rows a person may see in the admin; None for all of them.

    A membership in one store opens the dashboard, not the brand's settings.
    """
    if user.is_superuser:
        return None
    members = StaffMembership.objects.filter(user_id=user.pk, store__isnull=True)
    return list(members.values_list("brand_id", flat=True))


class BoundedPaginator(Paginator):
    """Counts to 1000 and no further: a growing table is searched, not leafed through."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, or 1000 when there are more."""
        rows: Any = self.object_list
        return int(rows.order_by()[:MOST_COUNTED].count())


class ScopedFilter(RelatedFieldListFilter):
    """Offers only what the person may see: names of other brands are nobody's business."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        """The rows of the related model's own admin, by name."""
        related = model_admin.admin_site.get_model_admin(field.related_model)
        return [(row.pk, str(row)) for row in related.get_queryset(request)[:200]]


class ScopedAdmin(ModelAdmin):
    """Shows and accepts only rows of the person's brands.

    `brand_path` leads to the brand's id; it is empty for rows that belong to nobody.
    """

    brand_path: ClassVar[str] = "brand_id"
    compressed_fields = True
    warn_unsaved_form = True
    list_filter_submit = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows of the brands that are open to this person."""
        rows = super().get_queryset(request)
        brands = open_brands(request.user)
        if brands is None or not self.brand_path:
            return rows
        return rows.filter(**{f"{self.brand_path}__in": brands})

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only rows that the person may see can be chosen, whatever the browser sends."""
        kwargs.setdefault("queryset", self._choosable(db_field.related_model, request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The same for lists of rows."""
        kwargs.setdefault("queryset", self._choosable(db_field.related_model, request))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def _choosable(self, model: type[Model], request: HttpRequest) -> QuerySet[Any] | None:
        if not self.admin_site.is_registered(model):
            return None
        return self.admin_site.get_model_admin(model).get_queryset(request)


class GrowingAdmin(ScopedAdmin):
    """A table that grows with every order: newest first, no total, search by exact values."""

    ordering = ("-id",)
    sortable_by: Sequence[str] = ()
    show_full_result_count = False
    paginator = BoundedPaginator
    list_per_page = 50
    # Columns that an index begins with, or follow the brand's or connection's id in one.
    exact_search: ClassVar[Sequence[str]] = ()

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """Exact matches only: anything else would read the whole table."""
        return [f"{name}__exact" for name in self.exact_search]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The rows in which one of the columns is exactly what was typed."""
        term = search_term.strip()
        if not term:
            return queryset, False
        found = Q()
        for name in self.exact_search:
            found |= Q(**{name: term})
        return queryset.filter(self.leading(request) & found), any(
            "__" in name for name in self.exact_search
        )

    def leading(self, request: HttpRequest) -> Q:
        """Names all brands for a superuser, so that indexes that begin with the brand serve."""
        if open_brands(request.user) is not None or self.brand_path != "brand_id":
            return Q()
        return Q(brand_id__in=list(Brand.objects.values_list("pk", flat=True)))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing disappears."""
        return False


class LedgerAdmin(GrowingAdmin):
    """Rows that the product alone writes: to be read, and nothing else."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False


class CommaList(forms.CharField):
    """A list of words in a JSON column, typed with commas between them; order is kept."""

    def __init__(self, known: Callable[[], Collection[str]] | None = None, **kwargs: Any) -> None:
        """`known` are the words that may occur; None allows all."""
        self.known = known
        kwargs.setdefault("required", False)
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        """The list as a person types it."""
        return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value

    def clean(self, value: Any) -> list[str]:
        """The words, without repeats."""
        text = super().clean(value)
        words = list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
        strange = sorted(set(words) - set(self.known())) if self.known else []
        if strange and self.known:
            raise ValidationError(
                _("Not known: %(strange)s. There are: %(known)s.")
                % {"strange": ", ".join(strange), "known": ", ".join(self.known())}
            )
        return words

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare what was typed, not the list's repr."""
        return super().has_changed(self.prepare_value(initial), data)


def comma_list(field: Any, known: Callable[[], Collection[str]] | None, **kwargs: Any) -> CommaList:
    """The form field for a JSON list column, labelled as the column is."""
    words = ", ".join(known()) if known else ""
    text = " ".join(str(part) for part in (field.help_text, words and f"({words})") if part)
    return CommaList(known, label=field.verbose_name.capitalize(), help_text=text, **kwargs)
