"""Measures a page from its layout: which text is cut off, leaves its box or the page, or lies upon other text."""

from __future__ import annotations

from typing import Any

TEXT_SIZES = (100, 150, 200, 250)
"""In percent of the reader's usual size (WCAG 1.4.4 asks for 200)."""

_MEASURE = """
() => {
  const found = [];
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) found.push(`the page is ${document.documentElement.scrollWidth - width} px too wide`);
  const lines = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.textContent.trim();
    const parent = node.parentElement;
    if (!text || parent.closest(".cp-sr, noscript, script") || !parent.checkVisibility({ visibilityProperty: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const line of range.getClientRects()) {
      if (line.width < 1 || line.height < 1) continue;
      if (line.left < -0.5 || line.right > width + 0.5) found.push(`outside the page: ${text}`);
      for (let box = parent; box !== document.body; box = box.parentElement) {
        const holds = box.matches(".cp-panel, .cp-coin, .cp-button, .cp-receipt-state");
        const cuts = getComputedStyle(box).overflow !== "visible";
        if (!holds && !cuts) continue;
        const edge = box.getBoundingClientRect();
        const over = Math.max(edge.left - line.left, line.right - edge.right, edge.top - line.top, line.bottom - edge.bottom);
        if (over > 1) found.push(`${cuts ? "cut off" : "out of its box"} by ${over.toFixed(1)} px: ${text}`);
      }
      if (!parent.closest(".cp-choose .cp-actions")) lines.push({ node, text, line });
    }
  }
  for (const [index, one] of lines.entries())
    for (const other of lines.slice(index + 1)) {
      if (one.node === other.node) continue;
      const wide = Math.min(one.line.right, other.line.right) - Math.max(one.line.left, other.line.left);
      const high = Math.min(one.line.bottom, other.line.bottom) - Math.max(one.line.top, other.line.top);
      if (wide > 1 && high > 0.4 * Math.min(one.line.height, other.line.height)) found.push(`upon each other: ${one.text} / ${other.text}`);
    }
  return [...new Set(found)];
}
"""


def faults_of(page: Any, *, widths: tuple[int, ...], sizes: tuple[int, ...] = TEXT_SIZES) -> list[str]:
    """Return what is wrong with the open page at each width in px and each size of text in percent."""
    found = []
    for width in widths:
        page.set_viewport_size({"width": width, "height": 800})
        for size in sizes:
            page.evaluate("size => (document.documentElement.style.fontSize = `${size}%`)", size)
            found += [f"{width} px, text at {size} %: {fault}" for fault in page.evaluate(_MEASURE)]
    return found
