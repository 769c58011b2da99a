// Load the page of the order again when its payment has come to an end: then it shows the tickets, or another way to pay.
"use strict";
document.addEventListener("cryptopay:state", (event) => {
  if (["completed", "refunded", "cancelled"].includes(event.detail)) window.location.reload();
});
