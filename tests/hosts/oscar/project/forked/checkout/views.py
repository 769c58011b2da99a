from oscar.apps.checkout import views

from cryptopay_django.contrib.oscar.checkout import PayInCoinsMixin


class PaymentDetailsView(PayInCoinsMixin, views.PaymentDetailsView):
    pass
