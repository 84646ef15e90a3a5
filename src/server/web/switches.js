// The two switches of every page: language and appearance.

import {$, setIcon} from './dom.js';
import {language, setLanguage, t} from './language.js';
import {saveSettings, settings} from './storage.js';

const kThemes = ['auto', 'light', 'dark'];

function draw() {
  $('language').textContent = t('otherLanguage');
  $('language').lang = language() === 'zh' ? 'en' : 'zh-CN';
  const name = t(`theme_${settings.theme}`);
  setIcon($('theme'), settings.theme);
  const label = t('themeLabel', {theme: name});
  $('theme').setAttribute('aria-label', label);
  $('theme').setAttribute('title', label);
}

export function startSwitches(languageChanged) {
  if (!kThemes.includes(settings.theme)) settings.theme = 'auto';
  $('language').addEventListener('click', () => {
    settings.language = language() === 'zh' ? 'en' : 'zh';
    saveSettings();
    setLanguage(settings.language);
    draw();
    languageChanged();
  });
  $('theme').addEventListener('click', () => {
    settings.theme = kThemes[(kThemes.indexOf(settings.theme) + 1) % kThemes.length];
    saveSettings();
    dispatchEvent(new Event('hearth-theme'));
    draw();
  });
  setLanguage(settings.language);
  draw();
}
