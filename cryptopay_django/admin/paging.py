"""Pages a list that may have a million rows: counts up to a bound, never in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.utils.functional import cached_property

if TYPE_CHECKING:
    BasePaginator = Paginator[Any]
else:
    BasePaginator = Paginator


class CappedPaginator(BasePaginator):
    """Counts no further than CAP rows. The rest is found by a filter or a search, and exported in full."""

    CAP = 2000

    @cached_property
    def counted(self) -> int:
        """The number of rows, or one more than CAP."""
        rows: Any = self.object_list
        return int(rows.order_by()[: self.CAP + 1].count())

    @property
    def is_capped(self) -> bool:
        """Return whether there are more rows than can be paged through."""
        return self.counted > self.CAP

    @cached_property
    def count(self) -> int:
        """The number of rows that can be paged through."""
        return min(self.counted, self.CAP)
