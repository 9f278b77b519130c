// Controls of interactive figures get the names and states that screen readers announce.
"use strict";

(() => {
  function describe(figure) {
    for (const control of figure.querySelectorAll(".widget-slider, .widget-toggle-buttons")) {
      const label = control.querySelector(".widget-label")?.textContent.trim() ?? "";
      const handle = control.querySelector(".noUi-handle");
      const readout = control.querySelector(".widget-readout");
      if (handle) handle.setAttribute("aria-label", label);
      if (readout) {
        // It only repeats the slider's value: nothing to type into, nothing to stop at with the Tab key.
        readout.setAttribute("contenteditable", "false");
        handle?.setAttribute("aria-valuetext", readout.textContent);
      }
      const buttons = control.querySelectorAll("button");
      if (buttons.length) {
        buttons[0].parentElement.setAttribute("role", "group");
        buttons[0].parentElement.setAttribute("aria-label", label);
      }
      for (const button of buttons) {
        button.setAttribute("aria-pressed", String(button.classList.contains("mod-active")));
      }
    }
    figure.querySelector(".interactive > .widget-box")?.setAttribute("aria-live", "polite");
  }

  for (const figure of document.querySelectorAll(".interactive-figure")) {
    const seen = { subtree: true, childList: true, characterData: true, attributeFilter: ["class"] };
    new MutationObserver(() => describe(figure)).observe(figure, seen);
    describe(figure);
  }

  // The widgets ask for MathJax 2; the page has MathJax 3. This comes before their own `load` listener.
  document.addEventListener("readystatechange", () => {
    const mathjax = window.MathJax;
    if (mathjax && !mathjax.Hub) {
      mathjax.Hub = { Queue: ([, , element]) => mathjax.typesetPromise?.([element]) };
    }
  });
})();
