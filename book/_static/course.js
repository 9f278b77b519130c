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
  // docutils calls the bibliography a list and gives it no items; each entry names its own role.
  document.querySelectorAll(".citation-list[role=list]").forEach((list) => list.removeAttribute("role"));
  reachScrollers();
  if (window.MathJax?.startup?.promise) window.MathJax.startup.promise.then(reachScrollers);
});
