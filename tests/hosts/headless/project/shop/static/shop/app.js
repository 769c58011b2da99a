"use strict";

// The token of allauth. It lives as long as the tab: a script of somebody else's on this page could read it.
const TOKEN = "shop-token";
const EVERY = 2000;  // milliseconds between two looks at a payment

const STATES = {
  preparing: "Your payment is being prepared.",
  waiting: "Send exactly this amount.",
  partly_paid: "A part has arrived. Please send the rest.",
  seen: "Your payment was seen on the network. It is not confirmed yet.",
  confirmed: "Your payment is confirmed. One moment…",
  completed: "Paid. Thank you!",
  expired: "The time is up. Please do not send anything to the old address.",
  underpaid: "Less has arrived than the order costs. We will write to you.",
  overpaid: "More has arrived than the order costs. We will write to you.",
  late: "Your payment came after the time was up. We will write to you.",
  held: "Your payment is being checked. You need not do anything.",
  review: "Your payment is being checked. You need not do anything.",
  refunded: "Your payment was sent back.",
  cancelled: "This payment was cancelled.",
  unavailable: "This payment cannot be made any more.",
};
const ORDERS = {open: "not paid yet", attention: "we are looking at your payment", paid: "paid", cancelled: "cancelled"};

const page = document.getElementById("page");
const logOut = document.getElementById("log-out");
let watched = 0;  // the number of the view that is shown: what an older one still waits for is not drawn

// --- requests ---------------------------------------------------------------------------------------

class Problem extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

async function ask(method, url, body, headers = {}) {
  const token = sessionStorage.getItem(TOKEN);
  const answer = await fetch(url, {
    method,
    headers: {
      ...(token ? {"X-Session-Token": token} : {}), ...(body ? {"Content-Type": "application/json"} : {}), ...headers,
    },
    body: body && JSON.stringify(body),
    credentials: "omit",
  });
  if (answer.status === 304) return {answer, data: null};
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(answer.status, textOf(data));
  return {answer, data};
}

function isLoggedOut(problem) {
  return problem.status === 401 || problem.status === 403;
}

function forgetLogin() {
  sessionStorage.removeItem(TOKEN);
  start();
}

function textOf(data) {
  const first = (data.errors || [])[0];  // of allauth: message; of the payment API: detail
  return (first && (first.message || first.detail)) || data.detail || "That did not work. Please try again.";
}

// --- drawing: text is always text, never markup ------------------------------------------------------

function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function draw(...children) {
  page.replaceChildren(...children.filter((child) => child !== null));
}

function euros(amount) {
  return `${Number(amount).toFixed(2)} €`;
}

function whenDone(form, work) {
  const note = el("p", {class: "bad", role: "alert", hidden: true});
  form.append(note);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const filled = new FormData(form, event.submitter);  // before the pressed button is disabled, which it would leave out
    const buttons = form.querySelectorAll("button");
    buttons.forEach((button) => { button.disabled = true; });
    note.hidden = true;
    try {
      await work(filled);
    } catch (problem) {
      if (isLoggedOut(problem)) return forgetLogin();
      note.textContent = problem instanceof Problem ? problem.message : "No connection. Please try again.";
      note.hidden = false;
    }
    buttons.forEach((button) => { button.disabled = false; });
  });
  return form;
}

// --- 1. log in ----------------------------------------------------------------------------------------

function drawLogin() {
  draw(el("h1", {}, "Log in"), whenDone(
    el("form", {class: "card"},
      el("label", {}, "E-mail", el("input", {name: "email", type: "email", autocomplete: "username", required: true})),
      el("label", {}, "Password",
        el("input", {name: "password", type: "password", autocomplete: "current-password", required: true})),
      el("div", {class: "row"},
        el("button", {name: "how", value: "login"}, "Log in"),
        el("button", {name: "how", value: "signup", class: "plain"}, "I am new here"))),
    async (form) => {
      const credentials = {email: form.get("email"), password: form.get("password")};
      const {data} = await ask("POST", `/_allauth/app/v1/auth/${form.get("how")}`, credentials);
      sessionStorage.setItem(TOKEN, data.meta.session_token);
      start();
    }));
}

logOut.addEventListener("click", async () => {
  await ask("DELETE", "/_allauth/app/v1/auth/session").catch(() => {});  // it answers 401: nobody is logged in now
  location.hash = "";
  forgetLogin();
});

// --- 2. order -----------------------------------------------------------------------------------------

async function drawShop(view) {
  const [{data: products}, {data: orders}] = await Promise.all([ask("GET", "/api/products/"), ask("GET", "/api/orders/")]);
  if (view !== watched) return;
  draw(
    el("h1", {}, "What would you like?"),
    ...products.map((product) => whenDone(
      el("form", {class: "card row"},
        el("span", {}, el("strong", {class: "name"}, product.name), el("br"), el("span", {class: "soft"}, euros(product.price))),
        el("span", {class: "row"},
          el("select", {name: "quantity", "aria-label": `How many: ${product.name}`, class: "short"},
            ...[1, 2, 3].map((count) => el("option", {value: count}, `${count}`))),
          el("button", {"aria-label": `Order ${product.name}`}, "Order"))),
      async (form) => {
        const {data} = await ask("POST", "/api/orders/", {product: product.name, quantity: Number(form.get("quantity"))});
        location.hash = `order/${data.reference}`;
      })),
    orders.length ? el("h2", {}, "Your orders") : null,
    el("ul", {class: "orders"}, ...orders.map((order) => el("li", {class: "card row"},
      el("a", {href: `#order/${order.reference}`}, `${order.quantity} × ${order.product}`),
      el("span", {}, euros(order.amount)),
      el("span", {class: "soft"}, statusOf(order))))));
}

function statusOf(order) {
  const refunded = Number(order.refunded_amount);
  return ORDERS[order.status] + (refunded ? `, ${euros(refunded)} refunded` : "");
}

// --- 3. pay, and see what becomes of it ---------------------------------------------------------------

async function drawOrder(view, reference) {
  let shown = "", etag = "", state = null;
  for (;;) {
    try {
      const {data: order} = await ask("GET", `/api/orders/${reference}/`);
      if (state && state.id !== order.invoice) [state, etag] = [null, ""];
      if (order.invoice) {
        const url = `/cryptopay/api/invoices/${order.invoice}/`;
        const {answer, data} = await ask("GET", url, null, etag ? {"If-None-Match": etag} : {});
        etag = answer.headers.get("ETag") || etag;
        state = data || state;
      }
      const news = JSON.stringify([order, state && {...state, seconds_left: 0}]);
      if (view === watched && news !== shown) {
        shown = news;
        drawPayment(order, state);
      }
    } catch (problem) {
      if (isLoggedOut(problem)) return forgetLogin();
      if (problem.status === 404) return draw(el("h1", {}, "There is no such order."));
      // Without a connection, or after too many requests, what was drawn stays, and the next look may succeed.
    }
    do {
      await new Promise((wake) => { setTimeout(wake, EVERY); });
      if (view !== watched) return;
    } while (document.hidden);
  }
}

function drawPayment(order, state) {
  const refunded = Number(order.refunded_amount);
  const mayChoose = order.status === "open" && (!state || ["expired", "cancelled", "refunded"].includes(state.state));
  draw(
    el("h1", {}, `${order.quantity} × ${order.product}`),
    el("div", {class: "card"},
      el("div", {class: "row"}, el("span", {}, `Order ${order.reference}`), el("strong", {}, euros(order.amount))),
      order.status === "open" ? null : el("p", {id: "status", class: order.status === "paid" ? "good" : ""}, statusOf(order)),
      refunded ? el("p", {id: "refunded"}, `We sent back ${euros(refunded)} in coins.`) : null),
    state && order.status === "open" ? el("p", {id: "state"}, STATES[state.state] || state.state) : null,
    order.status === "paid" ? el("p", {id: "state"}, "Thank you! We are packing your parcel.") : null,
    state && state.payment ? instructions(state) : null,
    mayChoose ? coinChoice(order) : null,
    el("p", {}, el("a", {href: "#"}, "Back to the shop")));
}

function instructions(state) {
  const {address, amount, currency, network, destination_tag: tag, uri} = state.payment;
  const until = new Date(state.expires_at).toLocaleTimeString([], {hour: "2-digit", minute: "2-digit"});
  return el("div", {class: "card", id: "payment"},
    uri ? el("img", {class: "qr", src: `/api/invoices/${state.id}/qr.svg`, alt: "QR code for your wallet"}) : null,
    el("dl", {},
      el("dt", {}, "Amount"), el("dd", {class: "big"}, `${amount} ${currency}`),
      el("dt", {}, "Address"), el("dd", {id: "address"}, address),
      el("dt", {}, "Network"), el("dd", {}, network),
      ...(tag ? [el("dt", {}, "Tag: without it the coins are lost"), el("dd", {}, tag)] : []),
      el("dt", {}, "Until"), el("dd", {}, until)),
    uri ? el("a", {href: uri}, "Open in a wallet") : null);
}

function coinChoice(order) {
  const coins = el("select", {name: "coin", required: true}, el("option", {value: ""}, "Loading the coins…"));
  const price = new URLSearchParams({price_amount: order.amount, price_currency: "EUR"});
  const load = async () => {
    const {data} = await ask("GET", `/cryptopay/api/coins/?${price}`);
    coins.replaceChildren(el("option", {value: ""}, "Please choose"), ...data.coins.map((coin) => {
      const name = coin.coin_name === coin.network_name ? coin.coin_name : `${coin.coin_name} on ${coin.network_name}`;
      const about = coin.amount ? `: about ${coin.amount} ${coin.currency}` : "";
      return el("option", {value: `${coin.currency}/${coin.network}`}, name + about);
    }));
  };
  load().catch(() => coins.replaceChildren(el("option", {value: ""}, "They cannot be listed now: please reload")));
  return whenDone(
    el("form", {class: "card", id: "coins"}, el("label", {}, "Pay with", coins), el("button", {}, "Pay")),
    async (form) => {
      const [currency, network] = form.get("coin").split("/");
      // To repeat it is safe: it returns the open invoice, and never makes a second one.
      await ask("POST", `/api/orders/${order.reference}/pay/`, {currency, network});
      start();
    });
}

// --- which view ----------------------------------------------------------------------------------------

async function start() {
  const view = ++watched;
  logOut.hidden = !sessionStorage.getItem(TOKEN);
  if (!sessionStorage.getItem(TOKEN)) return drawLogin();
  const [kind, reference] = location.hash.slice(1).split("/");
  try {
    await (kind === "order" ? drawOrder(view, reference) : drawShop(view));
  } catch (problem) {
    if (isLoggedOut(problem)) return forgetLogin();
    draw(el("p", {class: "bad"}, "The shop cannot be reached. Please reload the page."));
  }
}

window.addEventListener("hashchange", start);
start();
