// The pages are made by the server. This script presses their buttons (the control API), copies, counts
// down, and fetches a page again when the JSON that it polls says that there is something new.
"use strict";

(() => {
  const POLL = 1000;
  const body = document.body;
  let mark = null;
  let clock = null; // { at: virtual ms, seen: real ms, speed }
  let left = null; // { seconds, seen, speed }
  let returning = null;
  let busy = false;

  function toast(text, bad) {
    const place = document.getElementById("toast");
    place.textContent = text;
    place.className = bad ? "bad" : "good";
    clearTimeout(toast.timer);
    toast.timer = setTimeout(() => { place.className = ""; }, bad ? 9000 : 5000);
  }

  function tell(data) {
    const tried = data.callbacks;
    if (!Array.isArray(tried)) return "Done.";
    if (tried.length === 0) return "Done. No callback was due.";
    const answers = tried.slice(-6).map((entry) => `${entry.event} ${entry.answer.status ?? entry.answer.error}`);
    return `${tried.length} callback${tried.length > 1 ? "s" : ""}: ${answers.join(", ")}`;
  }

  function explain(problem) {
    const details = (problem.details || []).map((detail) => `${detail.target} ${detail.message}`);
    return details.length ? details.join("; ") : problem.message;
  }

  async function press(action, content, element) {
    if (busy) return;
    busy = true;
    element.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(`/control/${action}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(content),
      });
      const data = await response.json();
      if (response.ok) {
        toast(tell(data), false);
        const made = { "/": "invoice", "/channels": "channel" }[location.pathname];
        if (made && data[made] && (action === made || action === "scenario")) {
          location.assign(`/${made}s/${data[made].id}/desk`);
          return;
        }
      } else {
        toast(explain(data.error), true);
      }
      await refresh();
    } catch (error) {
      toast("The sandbox does not answer.", true);
    } finally {
      busy = false;
      element.removeAttribute("aria-busy");
    }
  }

  function keyOf(element) {
    return element && element.dataset ? `${element.dataset.action}${element.dataset.body}${element.name || ""}` : "";
  }

  async function refresh() {
    const response = await fetch(location.href, { headers: { Accept: "text/html" } });
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("main");
    const old = document.querySelector("main");
    if (!fresh || !old) return;
    const focused = keyOf(document.activeElement);
    const open = [...old.querySelectorAll("details[open]")].map((element) => element.id);
    old.replaceWith(document.adoptNode(fresh));
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused) {
      const again = [...fresh.querySelectorAll("[data-action], input, select")].find((item) => keyOf(item) === focused);
      again?.focus({ preventScroll: true });
    }
    watchReturn();
    tick();
  }

  function isEditing() {
    const element = document.activeElement;
    return element && element.matches("input:not([type=hidden]), select") && element.closest("main") !== null;
  }

  async function poll() {
    if (document.hidden || busy) return;
    try {
      const data = await (await fetch(body.dataset.live)).json();
      const now = performance.now();
      if (data.now) clock = { at: Date.parse(data.now), seen: now, speed: data.speed };
      if (data.seconds_left !== undefined) left = { seconds: data.seconds_left, seen: now, speed: data.speed };
      if (mark !== null && data.mark !== mark && !isEditing()) {
        mark = data.mark;
        await refresh();
      }
      if (mark === null) mark = data.mark;
    } catch (error) {
      // The sandbox is being restarted: the next poll tells.
    }
  }

  function tick() {
    const now = performance.now();
    const face = document.querySelector("[data-clock]");
    if (face && clock) {
      const moment = new Date(clock.at + (now - clock.seen) * clock.speed);
      face.textContent = moment.toISOString().slice(0, 19).replace("T", " ");
    }
    const countdown = document.querySelector("[data-countdown]");
    if (countdown && left) {
      const seconds = Math.max(0, Math.ceil(left.seconds - ((now - left.seen) / 1000) * left.speed));
      const pad = (number) => String(number).padStart(2, "0");
      const hours = Math.floor(seconds / 3600);
      countdown.textContent = `${hours ? `${hours}:` : ""}${pad(Math.floor((seconds % 3600) / 60))}:${pad(seconds % 60)}`;
      countdown.classList.toggle("urgent", seconds < 60);
    }
  }

  function watchReturn() {
    const link = document.querySelector("[data-return]");
    if (!link || returning) return;
    returning = setTimeout(() => location.assign(link.href), Number(link.dataset.return) * 1000);
  }

  async function copy(element) {
    try {
      await navigator.clipboard.writeText(element.dataset.copy);
    } catch (error) {
      const field = document.createElement("textarea");
      field.value = element.dataset.copy;
      body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    const label = element.textContent;
    element.textContent = element.dataset.copied;
    setTimeout(() => { element.textContent = label; }, 1500);
  }

  document.addEventListener("click", (event) => {
    const element = event.target.closest("button");
    if (!element) return;
    if (element.dataset.copy !== undefined) {
      copy(element);
    } else if (element.dataset.back !== undefined) {
      history.back();
    } else if (element.dataset.stay !== undefined) {
      clearTimeout(returning);
      element.parentElement.remove();
    } else if (element.dataset.action && element.type === "button") {
      press(element.dataset.action, JSON.parse(element.dataset.body), element);
    }
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.action) return;
    event.preventDefault();
    const content = {};
    for (const [name, value] of new FormData(form)) if (value !== "") content[name] = value;
    document.activeElement?.blur();
    press(form.dataset.action, content, form);
  });

  document.addEventListener("visibilitychange", poll);
  poll();
  watchReturn();
  setInterval(poll, POLL);
  setInterval(tick, 250);
})();
