// Runs before the first paint, so that a chosen theme never flashes the other one. The policy forbids inline scripts.
try {
  var theme = localStorage.getItem("footnote.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is blocked: the system's preference applies.
}
