// Small repairs so that formulas and interactive figures work from disk, with no kernel and no network.

// RequireJS takes its settings from a global of its own name. Widgets look for their fonts below baseUrl.
if (window.require === undefined) {
  window.require = {
    baseUrl: (document.documentElement.dataset.content_root || "./") + "_static/vendor/",
  };
}

// What scrolls sideways can be reached and scrolled with the keyboard.
function reachScrollers() {
  document.querySelectorAll(".bd-article :is(mjx-container, pre, .table-scroll)").forEach((box) => {
    if (box.scrollWidth > box.clientWidth && !box.hasAttribute("tabindex")) box.tabIndex = 0;
  });
}

window.addEventListener("load", () => {
  reachScrollers();
  if (window.MathJax?.startup?.promise) window.MathJax.startup.promise.then(reachScrollers);
});
