// Keeps payment panels up to date: by server-sent events where there are any, by careful polling else.
// Nothing is decided here: the server renders every state, and its clock is the one that counts.
"use strict";

(() => {
  const SOONEST = { live: 2000, fast: 3000, slow: 15000 };
  const LATEST = { live: 3000, fast: 15000, slow: 60000 };
  const LONGEST_ANSWER = 15000;
  const PATIENCE = 6000; // with a stream that says nothing at all, as behind a proxy that holds it back

  function keep(root) {
    const { panelUrl, statusUrl, eventsUrl } = root.dataset;
    const said = root.querySelector("[data-cp-said]");
    let panel = root.querySelector("[data-cp-panel]");
    let stream = null;
    let heard = false;
    let pause = 0;
    let timer = 0;
    let endsAt = null;
    let busy = false;
    let asked = false; // to look once more: what is on its way may have been read before the news
    let missed = 0;

    // --- looking

    async function look({ always = false } = {}) {
      clearTimeout(timer);
      if (!isWatching()) return;
      if (busy) return void (asked = true);
      busy = true;
      try {
        const headers = always ? {} : { "If-None-Match": panel.dataset.etag };
        const answer = await get(statusUrl, { headers });
        if (answer.ok && answer.headers.get("ETag") !== panel.dataset.etag) await renew(get(panelUrl));
        else if (answer.ok) setClock((await answer.json()).seconds_left);
        missed = answer.ok ? 0 : missed + 1;
      } catch {
        missed += 1;
      }
      showContact();
      busy = false;
      if (!asked) return plan();
      asked = false;
      look({ always: true });
    }

    // A request of a phone that slept, or that changed its network, may never get an answer.
    function get(url, options) {
      const signal = AbortSignal.timeout?.(LONGEST_ANSWER);
      return fetch(url, { cache: "no-store", signal, ...options });
    }

    async function renew(request) {
      const answer = await request;
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-cp-panel]");
      if (!fresh) return;
      const isNews = fresh.dataset.state !== panel.dataset.state;
      const [was, is] = [panel, fresh].map((one) => one.querySelector("[data-cp-title]").textContent);
      if (document.title.startsWith(was)) document.title = is + document.title.slice(was.length);
      const hadFocus = panel.contains(document.activeElement);
      panel.replaceWith(fresh);
      panel = fresh;
      pause = 0;
      furnish();
      if (hadFocus) panel.querySelector("[data-cp-title]").focus({ preventScroll: true });
      if (isNews) root.dispatchEvent(new CustomEvent("cryptopay:state", { bubbles: true, detail: fresh.dataset.state }));
      const note = panel.querySelector(".cp-note:not([hidden])");
      if (isNews || note) said.textContent = `${is.trim()}. ${[panel.querySelector(".cp-text"), note].map((part) => part?.textContent.trim() ?? "").join(" ")}`;
    }

    function isWatching() {
      return panel.dataset.watch in SOONEST;
    }

    function plan() {
      clearTimeout(timer);
      if (!isWatching()) return hangUp();
      if (document.hidden) return;
      if (stream) return void (timer = setTimeout(look, LATEST.slow));
      const pace = panel.dataset.watch;
      pause = Math.min(LATEST[pace], Math.max(SOONEST[pace], pause * 1.3));
      timer = setTimeout(look, pause * (0.85 + 0.3 * Math.random()));
    }

    // --- being told

    function listen() {
      if (!window.EventSource || !eventsUrl || stream || !isWatching()) return plan();
      heard = false;
      const mine = (stream = new EventSource(eventsUrl));
      setTimeout(() => stream === mine && !heard && fallBack(), PATIENCE);
      mine.onmessage = () => {
        heard = true;
        look();
      };
      mine.onerror = () => {
        if (!heard || mine.readyState === EventSource.CLOSED) fallBack();
      };
    }

    function fallBack() {
      hangUp();
      plan();
    }

    function hangUp() {
      stream?.close();
      stream = null;
    }

    // --- what a panel has

    function furnish() {
      for (const button of panel.querySelectorAll("[data-cp-copy]")) button.hidden = false;
      setClock(panel.dataset.secondsLeft);
      showContact();
    }

    // What cannot be asked for is said. One answer may get lost.
    function showContact() {
      show("[data-cp-lost]", missed > 1 || navigator.onLine === false);
    }

    function show(selector, isShown) {
      const part = panel.querySelector(selector);
      if (part) part.hidden = !isShown;
    }

    function setClock(seconds) {
      endsAt = seconds === undefined || seconds === null ? null : performance.now() + Number(seconds) * 1000;
      tick();
    }

    function tick() {
      const place = panel.querySelector("[data-cp-left]");
      if (endsAt === null || !place) return;
      const left = Math.max(0, Math.ceil((endsAt - performance.now()) / 1000));
      show("[data-cp-pay]", left > 0);
      show("[data-cp-over]", left === 0);
      const parts = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
      if (!parts[0]) parts.shift();
      place.textContent = parts.map((part, index) => (index ? String(part).padStart(2, "0") : part)).join(":");
      if (left === 0) {
        endsAt = null;
        setTimeout(() => look({ always: true }), 1000);
      }
    }

    async function copy(button) {
      const isCopied = await put(button.dataset.cpCopy);
      const label = button.querySelector("[data-cp-done]");
      const usual = (label.dataset.usual ??= label.textContent);
      label.textContent = said.textContent = isCopied ? label.dataset.cpDone : label.dataset.cpFailed;
      button.focus();
      if (!isCopied) getSelection().selectAllChildren(button.parentElement.querySelector(".cp-exact"));
      setTimeout(() => (label.textContent = usual), isCopied ? 2000 : 6000);
    }

    async function put(text) {
      try {
        await navigator.clipboard.writeText(text);
        return true;
      } catch {
        const field = document.createElement("textarea");
        field.value = text;
        field.setAttribute("readonly", "");
        field.className = "cp-sr";
        root.append(field);
        field.select();
        let isCopied = false;
        try {
          isCopied = document.execCommand("copy");
        } catch {
          // Some browsers refuse it with an error.
        }
        field.remove();
        return isCopied;
      }
    }

    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-cp-copy]");
      if (button) copy(button);
    });
    root.addEventListener("submit", (event) => {
      if (!event.target.matches("[data-cp-ask]")) return;
      event.preventDefault();
      const button = event.target.querySelector("button");
      if (button.getAttribute("aria-disabled") === "true") return;
      button.setAttribute("aria-disabled", "true");
      renew(fetch(panelUrl, { method: "POST", cache: "no-store" }))
        .catch(() => {})
        .finally(() => {
          button.removeAttribute("aria-disabled");
          plan();
        });
    });

    // A phone that wakes, a page that comes back from the history, a network that is there again.
    const wake = () => {
      if (document.hidden) return clearTimeout(timer);
      pause = 0;
      look({ always: true });
    };
    document.addEventListener("visibilitychange", wake);
    window.addEventListener("pageshow", (event) => event.persisted && wake());
    window.addEventListener("online", wake);
    window.addEventListener("offline", showContact);
    setInterval(tick, 1000);
    furnish();
    listen();
  }

  // A page with several panels includes this script once for each of them.
  for (const root of document.querySelectorAll("[data-cryptopay]:not([data-cp-kept])")) {
    root.dataset.cpKept = "";
    keep(root);
  }
})();
