// Asks for a key where the server wants one. It stays in the memory of this page and goes when the page does.

import {whenKeyNeeded} from './api.js';
import {element} from './dom.js';
import {t} from './language.js';

let asking = null;

function show(wasRefused) {
  return new Promise((resolve) => {
    const input = element('input', {id: 'key', type: 'password', autocomplete: 'off', spellcheck: 'false', required: '', 'aria-describedby': 'key-more'});
    const give = (event) => {
      event.preventDefault();
      const text = input.value.trim();
      if (!text) return;
      dialog.remove();
      resolve(text);
    };
    const dialog = element('dialog.key', {'aria-labelledby': 'key-title'},
      element('form', {onsubmit: give},
        element('h1', {id: 'key-title'}, t('keyTitle')),
        element('p', {id: 'key-more', role: 'status'}, wasRefused ? t('keyRefused') : t('keyMore')),
        element('label', {for: 'key'}, t('key')), input,
        element('button', {type: 'submit'}, t('keyGive'))));
    dialog.addEventListener('cancel', (event) => event.preventDefault());  // there is nothing behind it yet
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
}

whenKeyNeeded((wasRefused) => asking ??= show(wasRefused).finally(() => asking = null));
