# The resolution desk: approvals, outcomes, notices.

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('cryptopay_django', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='NoticeSchedule',
            fields=[
                ('kind', models.CharField(choices=[('unresolved', 'unresolved'), ('held', 'held as high-risk'), ('quarantined', 'quarantined'), ('high_risk', 'high risk'), ('undelivered', 'signal cannot be delivered'), ('unknown_resolution', 'resolution still undecided')], max_length=32, primary_key=True, serialize=False)),
                ('next_attempt_at', models.DateTimeField()),
                ('attempts', models.PositiveIntegerField(default=0, help_text='Failures since the last notice that left.')),
                ('last_error', models.TextField(blank=True)),
            ],
            options={
                'verbose_name': 'notice schedule',
                'verbose_name_plural': 'notice schedules',
            },
        ),
        migrations.AddField(
            model_name='invoiceevent',
            name='notice_due_at',
            field=models.DateTimeField(blank=True, db_index=True, editable=False, help_text='Set while the teams are still to be told of it.', null=True),
        ),
        migrations.AddField(
            model_name='resolution',
            name='approved_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='resolution',
            name='approver',
            field=models.CharField(blank=True, help_text='The second person; never the first.', max_length=150),
        ),
        migrations.AddField(
            model_name='resolution',
            name='attempts',
            field=models.PositiveIntegerField(default=0, help_text='How often its outcome was looked for.'),
        ),
        migrations.AddField(
            model_name='resolution',
            name='needs_approval',
            field=models.BooleanField(default=False, help_text='Whether a second person has to confirm it.'),
        ),
        migrations.AddField(
            model_name='resolution',
            name='next_attempt_at',
            field=models.DateTimeField(blank=True, db_index=True, help_text='When its outcome is looked for next; empty when nobody has to.', null=True),
        ),
        migrations.AddField(
            model_name='resolution',
            name='result',
            field=models.JSONField(blank=True, default=dict, help_text='What the gateway answered, or what was found.'),
        ),
        migrations.AlterField(
            model_name='invoiceevent',
            name='kind',
            field=models.CharField(choices=[('invoice_created', 'created'), ('payment_detected', 'payment detected'), ('payment_confirmed', 'payment confirmed'), ('invoice_completed', 'completed'), ('invoice_settled_short', 'settled short'), ('invoice_unresolved', 'unresolved'), ('invoice_refunded', 'refunded'), ('invoice_cancelled', 'cancelled'), ('invoice_quarantined', 'quarantined'), ('status_overruled', 'final status overruled'), ('invoice_released', 'released'), ('risk_high', 'high risk'), ('delivery_failing', 'signal cannot be delivered'), ('resolution_planned', 'resolution planned'), ('resolution_approved', 'resolution approved'), ('resolution_withdrawn', 'resolution withdrawn'), ('resolution_sent', 'resolution sent'), ('resolution_accepted', 'resolution accepted by the service'), ('resolution_succeeded', 'resolution succeeded'), ('resolution_failed', 'resolution failed'), ('resolution_unknown', 'outcome of the resolution unknown'), ('resolution_stuck', 'resolution still undecided')], max_length=32),
        ),
        migrations.AlterField(
            model_name='resolution',
            name='parameters',
            field=models.JSONField(blank=True, default=dict, help_text='What was asked for, with the figures that the person saw.'),
        ),
    ]
