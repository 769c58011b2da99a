# The schema of the first release.

import cryptopay_django.fields
import django.db.models.deletion
import uuid
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('contenttypes', '0002_remove_content_type_name'),
    ]

    operations = [
        migrations.CreateModel(
            name='NoticeSchedule',
            fields=[
                ('kind', models.CharField(choices=[('unresolved', 'unresolved'), ('held', 'held as high-risk'), ('quarantined', 'quarantined'), ('high_risk', 'high risk'), ('undelivered', 'delivery to the shop fails'), ('unknown_resolution', 'resolution undecided, or not as asked')], max_length=32, primary_key=True, serialize=False)),
                ('next_attempt_at', models.DateTimeField()),
                ('attempts', models.PositiveIntegerField(default=0, help_text='Failures since the last notice that left.')),
                ('last_error', models.TextField(blank=True)),
            ],
            options={
                'verbose_name': 'notice schedule',
                'verbose_name_plural': 'notice schedules',
            },
        ),
        migrations.CreateModel(
            name='Schedule',
            fields=[
                ('name', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('due_at', models.DateTimeField(help_text="When it is anybody's turn again.")),
                ('begun_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, help_text='When the last turn ended.', null=True)),
                ('found', models.TextField(blank=True, help_text='The result of the last turn, in a line.')),
            ],
            options={
                'verbose_name': 'schedule',
                'verbose_name_plural': 'schedules',
            },
        ),
        migrations.CreateModel(
            name='Invoice',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, help_text="Unguessable; safe in a customer's URL.", primary_key=True, serialize=False)),
                ('account', models.CharField(default='default', help_text='Key in CRYPTOPAY_ACCOUNTS.', max_length=32)),
                ('environment', models.CharField(editable=False, help_text='The gateway that has it: "sandbox", "production", or the host of another BASE_URL.', max_length=255)),
                ('gateway_id', models.UUIDField(blank=True, help_text='Empty until the gateway has answered.', null=True)),
                ('custom_id', cryptopay_django.fields.CodeField(help_text='Unique in the account: the idempotency key of the creation.', max_length=128)),
                ('order_object_id', cryptopay_django.fields.CodeField(blank=True, max_length=64)),
                ('attempt', models.PositiveIntegerField(blank=True, editable=False, help_text='Its number among the invoices that create_invoice made for the order, the guard against two.', null=True)),
                ('status', cryptopay_django.fields.StatusField(choices=[('new', 'new'), ('unresolved', 'unresolved'), ('completed', 'completed'), ('refunded', 'refunded'), ('cancelled', 'cancelled')], default='new', max_length=32)),
                ('status_context', models.CharField(blank=True, help_text="Why it is unresolved, in the gateway's spelling.", max_length=32)),
                ('quarantine_reason', models.TextField(blank=True, help_text='Why it is held for a person. While it is set, nothing is fulfilled.')),
                ('contradicted', models.JSONField(blank=True, default=dict, editable=False, help_text='What the gateway says otherwise than this row, by column. A release accepts it.')),
                ('risk_level', models.CharField(blank=True, db_default='', default='', editable=False, help_text="The gravest of its payments' risk levels, as far as they are known here.", max_length=32)),
                ('price_amount', cryptopay_django.fields.AmountField(help_text='The ordered amount, in the price currency.')),
                ('price_currency', models.CharField(max_length=32)),
                ('settled_amount', cryptopay_django.fields.AmountField(blank=True, help_text='What the gateway credited in the end, in the price currency.', null=True)),
                ('pay_amount', cryptopay_django.fields.AmountField(blank=True, help_text='What the customer was asked to pay, in the coin.', null=True)),
                ('pay_currency', models.CharField(max_length=32)),
                ('paid_amount', cryptopay_django.fields.AmountField(default=Decimal('0'), help_text='What has arrived so far, in the coin.')),
                ('fee_amount', cryptopay_django.fields.AmountField(blank=True, help_text="The gateway's fee, in the fee currency.", null=True)),
                ('fee_currency', models.CharField(blank=True, max_length=32)),
                ('exchange_rate', cryptopay_django.fields.AmountField(blank=True, help_text='Price currency for one coin, frozen at creation; empty without exchange.', null=True)),
                ('network', models.CharField(blank=True, max_length=32)),
                ('address', cryptopay_django.fields.CodeField(blank=True, max_length=256)),
                ('destination_tag', models.CharField(blank=True, help_text='Tag or memo without which a payment to the address is lost.', max_length=64)),
                ('uri', models.TextField(blank=True, help_text='What a QR code encodes.')),
                ('hosted_page_url', models.TextField(blank=True)),
                ('customer_id', models.CharField(blank=True, max_length=128)),
                ('name', models.CharField(blank=True, max_length=255)),
                ('description', models.TextField(blank=True)),
                ('metadata', models.JSONField(blank=True, default=dict, help_text='Texts by name, sent to the gateway.')),
                ('success_redirect_url', models.TextField(blank=True)),
                ('unsuccess_redirect_url', models.TextField(blank=True)),
                ('payer_email', models.EmailField(blank=True, max_length=254)),
                ('version', models.PositiveIntegerField(default=0, editable=False, help_text='Grows with every change.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('expires_at', models.DateTimeField(blank=True, help_text='Until when the rate is frozen.', null=True)),
                ('finished_at', models.DateTimeField(blank=True, help_text='When a final status was taken in.', null=True)),
                ('polled_at', models.DateTimeField(blank=True, help_text='When the gateway was last asked.', null=True)),
                ('refunds_due_at', models.DateTimeField(blank=True, editable=False, help_text="When the gateway's list of its refunds is read next; empty when there is nothing to learn.", null=True)),
                ('order_content_type', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='contenttypes.contenttype')),
            ],
            options={
                'verbose_name': 'invoice',
                'verbose_name_plural': 'invoices',
                'permissions': [('settle_invoice', 'Can settle an unresolved invoice'), ('refund_invoice', "Can refund an invoice to the merchant's coin account"), ('refund_invoice_to_address', 'Can refund an invoice to an address'), ('release_invoice', 'Can release an invoice from quarantine or accept a shortfall'), ('deliver_events_again', 'Can deliver events of an invoice again')],
            },
        ),
        migrations.CreateModel(
            name='Callback',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.CharField(max_length=32)),
                ('body', models.BinaryField(help_text='The raw bytes that were signed.')),
                ('digest', models.CharField(help_text='SHA-256 of the body, in hex.', max_length=64)),
                ('secret_index', models.PositiveSmallIntegerField(help_text="Which of the account's CALLBACK_SECRETS matched; 0 is the newest.")),
                ('secret_mark', models.CharField(blank=True, editable=False, help_text='A name of that secret which stays the same when others are put before it.', max_length=16)),
                ('outcome', models.CharField(choices=[('pending', 'pending'), ('applied', 'applied'), ('stale', 'stale'), ('ignored', 'ignored'), ('orphan', 'orphan'), ('unreadable', 'unreadable')], default='pending', max_length=16)),
                ('error', models.TextField(blank=True, help_text='Why it is unreadable, stale or still pending.')),
                ('notes', models.TextField(blank=True, default='', help_text='What was odd in it and left out, a line each. It was taken in without that.')),
                ('event', models.CharField(blank=True, help_text="The gateway's type and event, once read.", max_length=64)),
                ('gateway_id', models.UUIDField(blank=True, db_index=True, help_text='The unknown invoice that an orphan speaks of.', null=True)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('received_at', models.DateTimeField()),
                ('repeats', models.PositiveIntegerField(default=0, help_text='How often the same body was received again without anything new.')),
                ('last_received_at', models.DateTimeField(blank=True, help_text='When it was last received again; empty when it was received once.', null=True)),
                ('invoice_version', models.PositiveIntegerField(blank=True, editable=False, help_text='The version of the invoice that it was taken into, for which it has no more news.', null=True)),
                ('processed_at', models.DateTimeField(blank=True, null=True)),
                ('next_attempt_at', models.DateTimeField(blank=True, db_index=True, help_text='When a pending callback is due; empty when it is done.', null=True)),
                ('invoice', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='callbacks', to='cryptopay_django.invoice')),
            ],
            options={
                'verbose_name': 'callback',
                'verbose_name_plural': 'callbacks',
            },
        ),
        migrations.CreateModel(
            name='InvoiceEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, help_text='Deduplicates external effects.', unique=True)),
                ('kind', models.CharField(choices=[('invoice_created', 'created'), ('payment_detected', 'payment detected'), ('payment_confirmed', 'payment confirmed'), ('invoice_completed', 'completed'), ('invoice_settled_short', 'settled short'), ('invoice_unresolved', 'unresolved'), ('invoice_refunded', 'refunded'), ('invoice_cancelled', 'cancelled'), ('invoice_quarantined', 'quarantined'), ('refund_created', 'refund begun'), ('refund_succeeded', 'refund succeeded'), ('refund_failed', 'refund failed'), ('status_overruled', 'final status overruled'), ('invoice_released', 'released'), ('risk_high', 'high risk'), ('delivery_failing', 'delivery to the shop fails'), ('handler_given_up', 'handler given up'), ('hook_failed', 'a hook of the shop has failed'), ('delivery_repeated', 'delivered again on request'), ('resolution_planned', 'resolution planned'), ('resolution_approved', 'resolution approved'), ('resolution_withdrawn', 'resolution withdrawn'), ('resolution_sent', 'resolution sent'), ('resolution_accepted', 'resolution accepted by the service'), ('resolution_succeeded', 'resolution succeeded'), ('resolution_failed', 'resolution failed'), ('resolution_unknown', 'outcome of the resolution unknown'), ('resolution_stuck', 'resolution still undecided'), ('resolution_ended', 'resolution ended by a person'), ('resolution_alarm', 'resolution not as asked')], max_length=32)),
                ('once', cryptopay_django.fields.CodeField(blank=True, help_text='What must not happen twice to an invoice; empty for what may.', max_length=300, null=True)),
                ('actor', models.CharField(blank=True, help_text='Who did it; empty for the gateway.', max_length=255)),
                ('detail', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField()),
                ('delivered_at', models.DateTimeField(blank=True, null=True)),
                ('attempts', models.PositiveIntegerField(default=0, help_text='Failed deliveries so far.')),
                ('begun_at', models.DateTimeField(blank=True, editable=False, help_text='When an attempt began that has not ended.', null=True)),
                ('repetitions', models.PositiveIntegerField(default=0, editable=False, help_text='How many times it was delivered again on request.')),
                ('last_error', models.TextField(blank=True, help_text='The traceback of the last failed delivery.')),
                ('next_attempt_at', models.DateTimeField(blank=True, db_index=True, null=True)),
                ('notice_due_at', models.DateTimeField(blank=True, db_index=True, editable=False, help_text='Set while a notice of it is due.', null=True)),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='cryptopay_django.invoice')),
            ],
            options={
                'verbose_name': 'invoice event',
                'verbose_name_plural': 'invoice events',
            },
        ),
        migrations.CreateModel(
            name='HandlerDelivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('handler', cryptopay_django.fields.CodeField(help_text='The dotted path of the function.', max_length=255)),
                ('delivered_at', models.DateTimeField(blank=True, null=True)),
                ('given_up_at', models.DateTimeField(blank=True, help_text='Since when it is not tried any more by itself.', null=True)),
                ('attempts', models.PositiveIntegerField(default=0, help_text='Failed calls so far.')),
                ('begun_at', models.DateTimeField(blank=True, editable=False, help_text='When an attempt began that has not ended.', null=True)),
                ('repetitions', models.PositiveIntegerField(default=0, editable=False, help_text='How many times it was delivered again on request.')),
                ('last_error', models.TextField(blank=True, help_text='The traceback of the last failed call.')),
                ('next_attempt_at', models.DateTimeField(blank=True, db_index=True, null=True)),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='cryptopay_django.invoiceevent')),
            ],
            options={
                'verbose_name': 'delivery to a handler',
                'verbose_name_plural': 'deliveries to handlers',
            },
        ),
        migrations.CreateModel(
            name='Payment',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('txid', cryptopay_django.fields.CodeField(help_text="The transaction's id on its network.", max_length=256)),
                ('status', cryptopay_django.fields.StatusField(choices=[('detected', 'detected'), ('confirmed', 'confirmed')], default='detected', max_length=32)),
                ('amount', cryptopay_django.fields.AmountField(blank=True, help_text="In the invoice's pay currency; empty when not known.", null=True)),
                ('risk_score', cryptopay_django.fields.AmountField(blank=True, help_text="The gateway's score; empty until scored.", null=True)),
                ('risk_level', models.CharField(blank=True, max_length=32)),
                ('risk_resource_name', models.CharField(blank=True, max_length=255)),
                ('risk_resource_category', models.CharField(blank=True, max_length=255)),
                ('source_addresses', models.JSONField(blank=True, default=list)),
                ('detected_at', models.DateTimeField(help_text='When we learned of it.')),
                ('confirmed_at', models.DateTimeField(blank=True, help_text='When we learned of its confirmation.', null=True)),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='cryptopay_django.invoice')),
            ],
            options={
                'verbose_name': 'payment',
                'verbose_name_plural': 'payments',
            },
        ),
        migrations.AddField(
            model_name='invoiceevent',
            name='payment',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='events', to='cryptopay_django.payment'),
        ),
        migrations.CreateModel(
            name='Refund',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('gateway_id', models.UUIDField(help_text="The service's id of the refund.")),
                ('custom_id', cryptopay_django.fields.CodeField(blank=True, max_length=128)),
                ('status', cryptopay_django.fields.StatusField(choices=[('pending', 'pending'), ('succeeded', 'succeeded'), ('failed', 'failed')], default='pending', max_length=32)),
                ('cause', models.CharField(choices=[('person', 'a person here'), ('account', 'the account at the service'), ('email', 'the customer, by e-mail'), ('monitoring', 'the monitoring team'), ('unknown', 'unknown')], default='unknown', max_length=16)),
                ('amount', cryptopay_django.fields.AmountField(help_text='In the coin, the fee included.')),
                ('currency', models.CharField(max_length=32)),
                ('value_amount', cryptopay_django.fields.AmountField(blank=True, help_text='Its value in the price currency, at the rate of the order; empty when not known.', null=True)),
                ('fee_amount', cryptopay_django.fields.AmountField(blank=True, help_text="The gateway's fee, in the fee currency.", null=True)),
                ('fee_currency', models.CharField(blank=True, max_length=32)),
                ('address', cryptopay_django.fields.CodeField(blank=True, help_text="Empty for the merchant's own coin account.", max_length=256)),
                ('destination_tag', models.CharField(blank=True, max_length=64)),
                ('network', models.CharField(blank=True, max_length=32)),
                ('txid', cryptopay_django.fields.CodeField(blank=True, help_text="The transaction's id on its network, once it is sent.", max_length=256)),
                ('gateway_created_at', models.DateTimeField(blank=True, help_text="When it was made, by the service's clock.", null=True)),
                ('created_at', models.DateTimeField(help_text='When we learned of it.')),
                ('updated_at', models.DateTimeField()),
                ('succeeded_at', models.DateTimeField(blank=True, help_text='When we learned of its success.', null=True)),
                ('failed_at', models.DateTimeField(blank=True, help_text='When we learned of its failure.', null=True)),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='cryptopay_django.invoice')),
            ],
            options={
                'verbose_name': 'refund',
                'verbose_name_plural': 'refunds',
            },
        ),
        migrations.AddField(
            model_name='invoiceevent',
            name='refund',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='events', to='cryptopay_django.refund'),
        ),
        migrations.CreateModel(
            name='Resolution',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('settle', 'settle'), ('refund', 'refund')], max_length=16)),
                ('status', cryptopay_django.fields.StatusField(choices=[('planned', 'planned'), ('sent', 'sent'), ('succeeded', 'succeeded'), ('failed', 'failed'), ('unknown', 'unknown')], default='planned', max_length=32)),
                ('active', models.BooleanField(default=True, editable=False, help_text='Empty once it has ended, so that many ended ones fit.', null=True)),
                ('actor', models.CharField(max_length=255)),
                ('actor_user_id', models.CharField(blank=True, editable=False, help_text='The key of that user; empty where only a name was given.', max_length=255)),
                ('reason', models.TextField()),
                ('needs_approval', models.BooleanField(default=False, help_text='Whether a second person has to confirm it.')),
                ('approver', models.CharField(blank=True, help_text='The second person; never the first.', max_length=255)),
                ('approver_user_id', models.CharField(blank=True, editable=False, help_text='The key of that user; empty where only a name was given.', max_length=255)),
                ('approved_at', models.DateTimeField(blank=True, null=True)),
                ('parameters', models.JSONField(blank=True, default=dict, help_text='What was asked for, with the figures that the person saw.')),
                ('known_refund_ids', models.JSONField(blank=True, default=list, help_text="The gateway's refunds that existed before: the others are ours.")),
                ('result', models.JSONField(blank=True, default=dict, help_text='What the gateway answered, or what was found.')),
                ('error', models.TextField(blank=True)),
                ('attempts', models.PositiveIntegerField(default=0, help_text='How often its outcome was looked for.')),
                ('next_attempt_at', models.DateTimeField(blank=True, db_index=True, help_text='When its outcome is looked for next; empty when there is nothing to look for.', null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='resolutions', to='cryptopay_django.invoice')),
            ],
            options={
                'verbose_name': 'resolution',
                'verbose_name_plural': 'resolutions',
            },
        ),
        migrations.AddField(
            model_name='refund',
            name='resolution',
            field=models.ForeignKey(blank=True, help_text='The decision that it carries out; empty where nobody here has asked for it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='cryptopay_django.resolution'),
        ),
        migrations.AddIndex(
            model_name='invoice',
            index=models.Index(fields=['status', 'polled_at'], name='cryptopay_invoice_to_poll'),
        ),
        migrations.AddIndex(
            model_name='invoice',
            index=models.Index(fields=['created_at'], name='cryptopay_invoice_created'),
        ),
        migrations.AddIndex(
            model_name='invoice',
            index=models.Index(fields=['finished_at'], name='cryptopay_invoice_finished'),
        ),
        migrations.AddIndex(
            model_name='invoice',
            index=models.Index(fields=['status', 'created_at'], name='cryptopay_invoice_status'),
        ),
        migrations.AddIndex(
            model_name='invoice',
            index=models.Index(fields=['pay_currency', 'created_at'], name='cryptopay_invoice_coin'),
        ),
        migrations.AddIndex(
            model_name='invoice',
            index=models.Index(fields=['address'], name='cryptopay_invoice_address'),
        ),
        migrations.AddIndex(
            model_name='invoice',
            index=cryptopay_django.fields.SparseIndex(fields=['created_at'], name='cryptopay_invoice_held', where=models.Q(('quarantine_reason', ''), _negated=True)),
        ),
        migrations.AddIndex(
            model_name='invoice',
            index=cryptopay_django.fields.SparseIndex(fields=['status_context', 'created_at'], name='cryptopay_invoice_context', where=models.Q(('status', 'unresolved'))),
        ),
        migrations.AddIndex(
            model_name='invoice',
            index=cryptopay_django.fields.SparseIndex(fields=['account', 'created_at'], name='cryptopay_invoice_account', where=models.Q(('account', 'default'), _negated=True)),
        ),
        migrations.AddIndex(
            model_name='invoice',
            index=cryptopay_django.fields.SparseIndex(fields=['refunds_due_at'], name='cryptopay_invoice_refunds', where=models.Q(('refunds_due_at__isnull', False))),
        ),
        migrations.AddIndex(
            model_name='invoice',
            index=cryptopay_django.fields.SparseIndex(fields=['risk_level', 'created_at'], name='cryptopay_invoice_risk', where=models.Q(('risk_level__in', ['medium', 'high']))),
        ),
        migrations.AddConstraint(
            model_name='invoice',
            constraint=models.UniqueConstraint(fields=('account', 'gateway_id', 'environment'), name='cryptopay_invoice_gateway_id'),
        ),
        migrations.AddConstraint(
            model_name='invoice',
            constraint=models.UniqueConstraint(fields=('account', 'custom_id', 'environment'), name='cryptopay_invoice_custom_id'),
        ),
        migrations.AddConstraint(
            model_name='invoice',
            constraint=models.UniqueConstraint(fields=('order_content_type', 'order_object_id', 'attempt'), name='cryptopay_invoice_attempt'),
        ),
        migrations.AddIndex(
            model_name='callback',
            index=models.Index(fields=['outcome', 'received_at'], name='cryptopay_callback_outcome'),
        ),
        migrations.AddIndex(
            model_name='callback',
            index=models.Index(fields=['digest'], name='cryptopay_callback_digest'),
        ),
        migrations.AddIndex(
            model_name='callback',
            index=models.Index(fields=['account', 'secret_mark', 'received_at'], name='cryptopay_callback_secret'),
        ),
        migrations.AddIndex(
            model_name='handlerdelivery',
            index=cryptopay_django.fields.SparseIndex(fields=['given_up_at'], name='cryptopay_delivery_dead', where=models.Q(('given_up_at__isnull', False))),
        ),
        migrations.AddConstraint(
            model_name='handlerdelivery',
            constraint=models.UniqueConstraint(fields=('event', 'handler'), name='cryptopay_delivery_once'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(fields=['txid'], name='cryptopay_payment_search'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(fields=['confirmed_at'], name='cryptopay_payment_confirmed'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.UniqueConstraint(fields=('invoice', 'txid'), name='cryptopay_payment_txid'),
        ),
        migrations.AddIndex(
            model_name='invoiceevent',
            index=cryptopay_django.fields.SparseIndex(fields=['kind', 'created_at'], name='cryptopay_event_desk', where=models.Q(('kind__in', ['invoice_unresolved', 'invoice_settled_short']))),
        ),
        migrations.AddConstraint(
            model_name='invoiceevent',
            constraint=models.UniqueConstraint(fields=('invoice', 'once'), name='cryptopay_event_once'),
        ),
        migrations.AddIndex(
            model_name='resolution',
            index=cryptopay_django.fields.SparseIndex(fields=['active', 'status'], name='cryptopay_resolution_open', where=models.Q(('active', True))),
        ),
        migrations.AddConstraint(
            model_name='resolution',
            constraint=models.UniqueConstraint(fields=('invoice', 'active'), name='cryptopay_resolution_one_active'),
        ),
        migrations.AddConstraint(
            model_name='resolution',
            constraint=models.CheckConstraint(condition=models.Q(('active', True), ('active__isnull', True), _connector='OR'), name='cryptopay_resolution_active'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(fields=['created_at'], name='cryptopay_refund_created'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(fields=['status', 'created_at'], name='cryptopay_refund_status'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.UniqueConstraint(fields=('invoice', 'gateway_id'), name='cryptopay_refund_gateway_id'),
        ),
    ]
