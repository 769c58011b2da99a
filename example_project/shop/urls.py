from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from . import balance, views

app_name = "shop"
urlpatterns = [
    path("", views.catalogue, name="catalogue"),
    path("products/<slug:slug>/", views.product, name="product"),
    path("cart/", views.cart, name="cart"),
    path("cart/<slug:slug>/", views.change_cart, name="change-cart"),
    path("checkout/", views.checkout, name="checkout"),
    path("orders/<slug:reference>/", views.order, name="order"),
    path("orders/<slug:reference>/pay/", views.PayOrder.as_view(), name="pay-order"),
    path("orders/<slug:reference>/pay-rest/", views.PayRest.as_view(), name="pay-rest"),
    path("top-ups/<slug:reference>/", views.top_up, name="top-up"),
    path("top-ups/<slug:reference>/pay/", views.PayTopUp.as_view(), name="pay-top-up"),
    path("account/", views.account, name="account"),
    path("balance/", balance.balance, name="balance"),
    path("balance/addresses/", balance.open_address, name="open-address"),
    path(
        "login/",
        LoginView.as_view(template_name="shop/login.html", redirect_authenticated_user=True),
        name="login",
    ),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("sign-up/", views.sign_up, name="sign-up"),
]
