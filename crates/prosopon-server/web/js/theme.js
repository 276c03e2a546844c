// Sets the chosen theme before the first paint. Without a choice the system's preference counts.
(() => {
  try {
    const theme = localStorage.getItem('prosopon.theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be switched off; then the system's preference counts.
  }
})();
