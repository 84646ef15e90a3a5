// Runs before the first paint, so that a chosen theme never flashes in the other one.
{
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const apply = () => {
    let theme = 'auto';
    try {
      theme = JSON.parse(localStorage.getItem('hearth.settings') || '{}').theme;
    } catch {
      // Without storage the system's theme holds.
    }
    if (theme !== 'light' && theme !== 'dark') theme = dark.matches ? 'dark' : 'light';
    document.documentElement.dataset.theme = theme;
  };
  apply();
  dark.addEventListener('change', apply);
  window.addEventListener('hearth-theme', apply);
}
