// The counter: keys for the amount, and back to them when it is paid. Both pages work without it.
"use strict";

(() => {
  const PAID_SHOWN = 15000;

  const keys = document.querySelector("[data-cp-keys]");
  if (keys) {
    const field = document.querySelector("[name=amount]");
    keys.hidden = false;
    keys.addEventListener("click", (event) => {
      const key = event.target.closest("[data-cp-key]")?.dataset.cpKey;
      if (!key) return;
      const hasPoint = /[.,]/.test(field.value);
      if (key === "back") field.value = field.value.slice(0, -1);
      else if (/[0-9]/.test(key)) field.value = field.value === "0" ? key : field.value + key;
      else if (!hasPoint) field.value = (field.value || "0") + key;
    });
  }

  // It may be paid when the page is opened, or later.
  let timer = 0;
  function goBack() {
    const paid = document.querySelector("[data-cp-back]");
    if (paid && !timer) timer = setTimeout(() => location.assign(paid.dataset.cpBack), PAID_SHOWN);
  }
  document.addEventListener("cryptopay:state", goBack);
  goBack();
})();
