// Everything that the keyboard does, and the list of it.

import {tell} from './dialogs.js';
import {$, element} from './dom.js';
import {t} from './language.js';

const kIsMac = /Mac|iPhone|iPad/.test(navigator.platform);
const kControl = kIsMac ? '⌘' : 'Ctrl';
const kList = [
  [['Enter'], 'key_send'],
  [['Shift', 'Enter'], 'key_line'],
  [['Esc'], 'key_escape'],
  [['↑'], 'key_edit'],
  [['/'], 'key_question'],
  [[kControl, 'Shift', 'O'], 'key_new'],
  [[kControl, 'K'], 'key_search'],
  [[kControl, ','], 'key_settings'],
  [['?'], 'key_list'],
];

export function showShortcuts() {
  const rows = kList.map(([keys, text]) =>
    element('div', {}, element('dt', {}, ...keys.map((key) => element('kbd', {}, key))), element('dd', {}, t(text))));
  return tell(t('shortcuts'), element('dl.shortcuts', {}, ...rows));
}

function isWriting(target) {
  return target.matches?.('textarea, select, input:not([type=range])') ?? false;
}

// `actions`: {newChat, search, settings, escape, edit}
export function startShortcuts(actions) {
  document.addEventListener('keydown', (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === 'Escape') return actions.escape();
    if (document.querySelector('dialog[open]')) return;
    const control = kIsMac ? event.metaKey : event.ctrlKey;
    let action = null;
    if (control && event.shiftKey && event.key.toLowerCase() === 'o') action = actions.newChat;
    else if (control && !event.shiftKey && event.key.toLowerCase() === 'k') action = actions.search;
    else if (control && event.key === ',') action = actions.settings;
    else if (event.key === 'ArrowUp' && event.target === $('question') && !event.target.value) action = actions.edit;
    else if (control || event.altKey || event.metaKey || isWriting(event.target)) return;
    else if (event.key === '/') action = () => $('question').focus();
    else if (event.key === '?') action = showShortcuts;
    if (!action) return;
    event.preventDefault();
    action();
  });
}
