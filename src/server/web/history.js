// The conversations at the side: open, find, rename, delete.

import {confirm, askText} from './dialogs.js';
import {$, element, icon} from './dom.js';
import {t} from './language.js';
import {allConversations, removeConversation, renameConversation} from './storage.js';

const kDay = 24 * 3600 * 1000;
let actions = {};
let openId = '';

function ageOf({updated}) {
  const today = new Date().setHours(0, 0, 0, 0);
  return updated >= today ? 'today' : updated >= today - 6 * kDay ? 'week' : 'older';
}

function isFound(conversation, words) {
  const text = [conversation.title, ...conversation.messages.map((message) => message.content)].join('\n').toLowerCase();
  return words.every((word) => text.includes(word));
}

function rowOf(conversation) {
  const {id} = conversation;
  const title = conversation.title || t('untitled');
  const small = (name, label, onclick) => element(`button.icon.${name}`, {type: 'button', 'aria-label': `${label}: ${title}`, title: label, onclick}, icon(name === 'remove' ? 'trash' : 'edit'));
  const row = element('li', {}, element('button.open', {type: 'button', title, onclick: () => actions.open(id)}, title),
    small('rename', t('rename'), () => rename(id, title)), small('remove', t('remove'), () => remove(id, title)));
  if (id === openId) {
    row.classList.add('current');
    row.firstChild.setAttribute('aria-current', 'true');
  }
  return row;
}

async function rename(id, title) {
  const name = await askText(t('rename'), title, t('save'));
  if (!name) return;
  renameConversation(id, name);
  drawHistory(openId);
}

async function remove(id, title) {
  if (!await confirm(t('removeTitle'), title, t('remove'))) return;
  removeConversation(id);
  actions.removed(id);
}

export function drawHistory(currentId) {
  openId = currentId;
  const words = $('search').value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = allConversations().filter((one) => isFound(one, words));
  const nodes = [];
  for (const age of ['today', 'week', 'older']) {
    const rows = found.filter((one) => ageOf(one) === age).map(rowOf);
    if (rows.length) nodes.push(element('h2', {}, t(`age_${age}`)), element('ul', {}, ...rows));
  }
  if (!found.length && words.length) nodes.push(element('p.quiet', {}, t('nothingFound')));
  $('history').replaceChildren(...nodes);
  $('search-field').hidden = allConversations().length === 0;
}

export function startHistory(callbacks) {
  actions = callbacks;
  $('search').addEventListener('input', () => drawHistory(openId));
  $('search').addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !$('search').value) return;
    $('search').value = '';
    drawHistory(openId);
    event.stopPropagation();
  });
}
