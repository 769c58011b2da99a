default_app_config = "forked.checkout.apps.CheckoutConfig"
