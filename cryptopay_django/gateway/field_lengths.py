"""Limits the length of each value from the gateway. Database columns take their sizes from here, so what parses fits.

How many calls a minute may make: `rate_limit.py`.
"""

AMOUNT_INTEGER_DIGITS = 20
AMOUNT_DECIMALS = 18
# A risk score is a float of the gateway: many decimals, few digits before the point.
SCORE_INTEGER_DIGITS = 20
SCORE_DECIMALS = 40

CODE_LENGTH = 32  # status, status_context, currency, network, risk level, type and event of a callback
PAIR_LENGTH = 65  # two codes, with or without a slash
CUSTOM_ID_LENGTH = 128  # customer_id and subscription_id too
TXID_LENGTH = 256
ADDRESS_LENGTH = 256
DESTINATION_TAG_LENGTH = 64
URL_LENGTH = 2048  # the payment URI too
NAME_LENGTH = 255  # risk resources too
TEXT_LENGTH = 4096  # description, one metadata value, an error's message

JSON_DEPTH = 32
JSON_NUMBER_LENGTH = 64
JSON_NUMBER_EXPONENT = 308  # that of a double; a larger one would fill memory when written out
JSON_DEPTH_TOLERATED = 128  # in what the gateway says: an odd member may be nested deeper than any that is known

NOTES = 20  # of what was left out of one message; more of them would say nothing more
