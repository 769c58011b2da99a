"""What payments do to orders. The app imports this module when Django starts."""

from cryptopay_django.adapters import OrderAdapter, OrderState

from .models import Order, Parcel

STATUS = {
    OrderState.PAID: Order.Status.PAID,
    OrderState.PARTLY_REFUNDED: Order.Status.PAID,
    OrderState.ATTENTION: Order.Status.ATTENTION,
    OrderState.REFUNDED: Order.Status.CANCELLED,
    OrderState.CANCELLED: Order.Status.CANCELLED,
}


class ShopOrders(OrderAdapter):
    """Runs once for an event, with the order locked, inside the transaction that marks the event as delivered."""

    name = "shop"
    model = Order

    def get_price(self, order):
        return order.amount, "EUR"

    def write(self, order, money):
        """Send one parcel when the price is covered; store the sums, which are added up anew each time."""
        if order.status != Order.Status.PAID:
            order.status = STATUS.get(money.state, order.status)
            if order.status == Order.Status.PAID:
                Parcel.objects.create(order=order)
        order.paid_amount, order.refunded_amount = money.summary.paid_amount, money.summary.returned_amount
        order.save(update_fields=["status", "paid_amount", "refunded_amount"])


orders = ShopOrders().follow()
