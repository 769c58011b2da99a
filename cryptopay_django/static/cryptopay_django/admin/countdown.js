"use strict";
// Counts a quote down. Without it the page says how long the quote held when it was made.
{
    const clock = document.getElementById("cp-clock");
    const shown = clock && clock.querySelector("strong");
    const end = clock && performance.now() + Number(clock.dataset.seconds) * 1000;
    const tick = () => {
        const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
        shown.textContent = left;
        clock.classList.toggle("cp-soon", left <= 10);
        if (left === 0) {
            clock.textContent = clock.dataset.over;
            clearInterval(timer);
        }
    };
    const timer = clock && setInterval(tick, 250);
}
