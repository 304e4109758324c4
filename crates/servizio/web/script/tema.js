// Runs before the page is painted: the theme, the density and the keys this person chose, and that scripts are there.
{
  const radice = document.documentElement
  radice.classList.add('js')
  try {
    for (const cosa of ['tema', 'densita', 'tasti']) {
      const scelto = localStorage.getItem(cosa)
      if (scelto) radice.dataset[cosa] = scelto
    }
  } catch {
    // No storage: the page follows the computer.
  }
}
