// The interface in English and Chinese. Elements marked data-i18n, data-i18n-label and data-i18n-placeholder are
// filled from here; t() serves the rest.

import {chinese} from './chinese.js';
import {english} from './english.js';

const texts = {en: english, zh: chinese};
let current = 'en';

export function t(key, values = {}) {
  const text = texts[current][key] ?? key;
  return typeof text === 'string' ? text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole) : text;
}

export const has = (key) => key in texts[current];

export function language() {
  return current;
}

export function setLanguage(name) {
  current = name in texts ? name : (navigator.language || '').toLowerCase().startsWith('zh') ? 'zh' : 'en';
  document.documentElement.lang = current === 'zh' ? 'zh-CN' : 'en';
  for (const node of document.querySelectorAll('[data-i18n]')) node.textContent = t(node.dataset.i18n);
  for (const node of document.querySelectorAll('[data-i18n-placeholder]'))
    node.setAttribute('placeholder', t(node.dataset.i18nPlaceholder));
  for (const node of document.querySelectorAll('[data-i18n-label]')) {
    node.setAttribute('aria-label', t(node.dataset.i18nLabel));
    if (node.tagName === 'BUTTON') node.setAttribute('title', t(node.dataset.i18nLabel));
  }
}
