// Runs before the first paint, so that a dark theme never flashes white. Keep in step with src/app/theme.ts.
(function () {
  var choice = null;
  try {
    choice = window.localStorage.getItem("guardian.theme");
  } catch {
    // Storage may be blocked; the system's choice is used then.
  }
  var dark = choice === "dark" || (choice !== "light" && window.matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
