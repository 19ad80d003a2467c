// Language, and day or night: what a page looks like, remembered in this browser.
import { html, useState } from './htm-preact.min.js';
import { switchLanguage, t } from './words.js';

const night = matchMedia('(prefers-color-scheme: dark)');
const chosen = () => localStorage.getItem('market.theme') || (night.matches ? 'dark' : 'light');
const show = (theme) => (document.documentElement.dataset.theme = theme);
show(chosen());
night.addEventListener('change', () => show(chosen()));

export function Switches() {
  const [theme, set] = useState(chosen());
  const turn = () => {
    const other = theme === 'dark' ? 'light' : 'dark';
    localStorage.setItem('market.theme', other);
    set(show(other));
  };
  return html` <button class="bare" lang=${t('other_language') === 'English' ? 'en' : 'zh-CN'} onClick=${switchLanguage}>
      ${t('other_language')}
    </button>
    <button class="bare" title=${t('theme')} aria-label=${t('theme')} onClick=${turn}>
      <span class="moon" aria-hidden="true"> </span>
    </button>`;
}
