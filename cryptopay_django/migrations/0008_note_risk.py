"""Writes into every invoice the gravest risk of its payments. In small transactions: the site goes on meanwhile."""

from itertools import islice

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

ROWS = 1000


def note_risk(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Level by level: the gravest comes last, and stays."""
    alias = schema_editor.connection.alias
    invoices = apps.get_model('cryptopay_django', 'Invoice').objects.using(alias)
    payments = apps.get_model('cryptopay_django', 'Payment').objects.using(alias)
    for level in ('low', 'medium', 'high'):
        risky = payments.filter(risk_level=level).values_list('invoice_id', flat=True).iterator(chunk_size=ROWS)
        while keys := list(islice(risky, ROWS)):
            invoices.filter(pk__in=keys).update(risk_level=level)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('cryptopay_django', '0007_desk_filters'),
    ]

    operations = [
        migrations.RunPython(note_risk, migrations.RunPython.noop),
    ]
