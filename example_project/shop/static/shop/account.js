// Looks now and then how far the payments of open orders have come, and shows the page anew when one has moved.
"use strict";

for (const badge of document.querySelectorAll("[data-watch]")) {
  let etag = null;
  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(badge.dataset.watch, { cache: "no-store", headers: etag ? { "If-None-Match": etag } : {} });
      if (answer.ok && etag) return location.reload();
      etag = answer.headers.get("ETag") ?? etag;
    } catch {
      // Offline for a moment: the next look will tell.
    }
  };
  setInterval(look, 5000);
  document.addEventListener("visibilitychange", look);
  look();
}
