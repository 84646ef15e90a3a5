// Small questions over the page. Each gives a promise; Escape, the close button and a click beside it mean no.

import {element} from './dom.js';
import {t} from './language.js';

function show(title, content, buttons, onSubmit) {
  return new Promise((resolve) => {
    let result = null;
    const dialog = element('dialog.box', {'aria-labelledby': 'box-title'},
      element('form', {onsubmit: (event) => {
        event.preventDefault();
        result = onSubmit();
        dialog.close();
      }}, element('h1', {id: 'box-title'}, title), ...content, element('div.actions', {}, ...buttons(() => dialog.close()))));
    dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(result);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

const cancel = (close) => element('button', {type: 'button', onclick: close}, t('cancel'));

// The text, or null.
export function askText(title, value, action) {
  const input = element('input', {type: 'text', maxlength: 100, required: '', 'aria-label': title, autofocus: ''});
  input.value = value;
  const answer = show(title, [input], (close) => [cancel(close), element('button.primary', {type: 'submit'}, action)], () => input.value.trim() || null);
  input.select();
  return answer;
}

// True, or null.
export function confirm(title, text, action) {
  return show(title, [element('p', {}, text)],
    (close) => [cancel(close), element('button.primary.danger', {type: 'submit'}, action)], () => true);
}

export function tell(title, ...content) {
  return show(title, content, () => [element('button.primary', {type: 'submit', autofocus: ''}, t('close'))], () => true);
}
