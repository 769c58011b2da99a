"""The pages of the shop: one mug, the view of a payment as django-payments documents it, and the order."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from payments import RedirectNeeded, get_payment_model


def buy(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        payment = get_payment_model().objects.create(
            variant=request.POST.get("variant", "coins"),
            description="One mug",
            total=100,
            currency="EUR",
            billing_email="ada@example.org",
        )
        return redirect("payment_details", payment.pk)
    return render(request, "buy.html")


def payment_details(request: HttpRequest, payment_id: int) -> HttpResponse:
    payment = get_object_or_404(get_payment_model(), pk=payment_id)
    try:
        form = payment.get_form(data=request.POST or None)
    except RedirectNeeded as redirect_to:
        return redirect(str(redirect_to))
    return render(request, "payment.html", {"form": form, "payment": payment})


def order(request: HttpRequest, payment_id: int, result: str) -> HttpResponse:
    payment = get_object_or_404(get_payment_model(), pk=payment_id)
    return render(request, "order.html", {"payment": payment, "result": result})
