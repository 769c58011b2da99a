// Looks every three seconds how the payment stands, and shows the page anew when something changed.
"use strict";

const place = document.getElementById("payment");
let seen = null;

async function look() {
  if (!place.querySelector("[data-moving]")) return;
  if (!document.hidden) {
    try {
      const answer = await fetch("?part=payment", { redirect: "error" });
      const text = answer.ok ? await answer.text() : seen;
      if (seen !== null && text !== seen) return location.reload();
      seen = text;
    } catch {
      // Offline for a moment: the next look will tell.
    }
  }
  setTimeout(look, 3000);
}

look();
