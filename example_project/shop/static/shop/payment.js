// The payment panel keeps itself up to date. When its payment is through, so is the order: show the page anew.
"use strict";

document.addEventListener("cryptopay:state", (event) => {
  if (["completed", "refunded", "cancelled"].includes(event.detail)) setTimeout(() => location.reload(), 1500);
});
