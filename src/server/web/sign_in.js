// Asks for a key where the server wants one. It goes to the server, which gives a session for it, and is forgotten.

import {whenKeyNeeded} from './api.js';
import {element} from './dom.js';
import {t} from './language.js';

function ask(signIn) {
  return new Promise((resolve) => {
    const input = element('input', {id: 'key', type: 'password', autocomplete: 'off', spellcheck: 'false', required: '', 'aria-describedby': 'key-more'});
    const more = element('p', {id: 'key-more', role: 'status'}, t('keyMore'));
    const go = element('button.primary', {type: 'submit'}, t('keyGive'));
    const give = async (event) => {
      event.preventDefault();
      const key = input.value.trim();
      if (!key || go.disabled) return;
      go.disabled = true;
      try {
        const session = await signIn(key);
        if (session) {
          dialog.remove();
          resolve(session);
        } else {
          more.textContent = t('keyRefused');
        }
      } catch (error) {
        more.textContent = error.code === 'rate_limit_exceeded' ? t('keyTooOften') : error.code === 'network' ? t('unreachable') : error.message;
      }
      more.classList.add('bad');
      input.value = '';
      go.disabled = false;
      input.focus();
    };
    const dialog = element('dialog.box.sign-in', {'aria-labelledby': 'key-title'},
      element('form', {onsubmit: give},
        element('img', {src: '/web/hearth.svg', alt: '', width: 44, height: 44}),
        element('h1', {id: 'key-title'}, t('keyTitle')), more,
        element('label', {for: 'key'}, t('key')), input,
        element('div.actions', {}, go)));
    dialog.addEventListener('cancel', (event) => event.preventDefault());  // there is nothing behind it yet
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
}

whenKeyNeeded(ask);
