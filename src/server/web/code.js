// A block of code: its language, a button that copies it, and colours by highlight.js, which comes when it is first
// wanted.

import {copyText, element, icon} from './dom.js';
import {t} from './language.js';
import {sanitised} from './sanitise.js';

const kMostHighlighted = 20_000;  // characters; what is longer stays plain, so that the page never stalls
let library = null;

function highlight(code, text, name) {
  if (!globalThis.hljs) {
    (library ??= import('./highlight.min.js')).then(() => highlight(code, text, name));
    return;
  }
  if (!hljs.getLanguage(name)) return;
  code.replaceChildren(sanitised(hljs.highlight(name, text, true).value, ['span'], ['class']));
}

export function codeBlock(text, language) {
  const code = element('code', {}, text);
  const copy = element('button.text', {type: 'button', onclick: () => copyText(text, copy)}, icon('copy'), t('copyCode'));
  if (language && text.length <= kMostHighlighted) highlight(code, text, language);
  return element('div.code', {}, element('div.head', {}, element('span', {}, language), copy),
    element('pre', {tabindex: 0, 'aria-label': language || t('code')}, code));
}
