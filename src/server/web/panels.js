// The side panel with the conversations, and the settings.

import {$, element, icon} from './dom.js';
import {t} from './language.js';
import {allConversations, saveSettings, settings} from './storage.js';
import {startSwitches} from './switches.js';

// What the slider's positions mean; 0: as long as the context lets.
const kLengths = [32, 64, 128, 256, 512, 1024, 2048, 0];

export const longestAnswer = () => kLengths[settings.length] || undefined;

export function drawHistory(currentId, {open, remove}) {
  $('history').replaceChildren(...allConversations().map((conversation) => {
    const title = conversation.title || t('untitled');
    const row = element('li', {}, element('button.open', {type: 'button', title, onclick: () => open(conversation.id)}, title),
      element('button.icon.remove', {type: 'button', 'aria-label': `${t('remove')}: ${title}`, title: t('remove'), onclick: () => remove(conversation.id)}, icon('trash')));
    if (conversation.id === currentId) {
      row.classList.add('current');
      row.firstChild.setAttribute('aria-current', 'true');
    }
    return row;
  }));
}

export function showSidebar(open) {
  $('sidebar').classList.toggle('open', open);
  $('scrim').hidden = !open;
  $('open-sidebar').setAttribute('aria-expanded', open);
  if (open) $('close-sidebar').focus();
}

export function showSettings(open) {
  $('settings').hidden = !open;
  $('open-settings').setAttribute('aria-expanded', open);
}

// True when Escape closed something.
export function closePanels() {
  if (!$('settings').hidden) {
    showSettings(false);
    $('open-settings').focus();
    return true;
  }
  if ($('sidebar').classList.contains('open')) {
    showSidebar(false);
    $('open-sidebar').focus();
    return true;
  }
  return false;
}

function drawSettings() {
  const fill = (input) => input.style.setProperty('--filled', `${100 * (input.value - input.min) / (input.max - input.min)}%`);
  $('temperature').value = settings.temperature;
  $('temperature-value').textContent = Number(settings.temperature).toFixed(1);
  $('length').value = settings.length;
  const tokens = kLengths[settings.length];
  $('length-value').textContent = tokens ? t('tokens', {n: tokens}) : t('unlimited');
  $('length').setAttribute('aria-valuetext', $('length-value').textContent);
  fill($('temperature'));
  fill($('length'));
}

export function startPanels(languageChanged) {
  if (!(settings.length in kLengths)) settings.length = 4;
  const change = (name, value) => {
    settings[name] = value;
    saveSettings();
    drawSettings();
  };
  $('temperature').addEventListener('input', (event) => change('temperature', Number(event.target.value)));
  $('length').addEventListener('input', (event) => change('length', Number(event.target.value)));
  $('system').value = settings.system;
  $('system').addEventListener('input', (event) => change('system', event.target.value));
  $('open-settings').addEventListener('click', () => showSettings($('settings').hidden));
  document.addEventListener('pointerdown', (event) => {
    if (!$('settings').contains(event.target) && !$('open-settings').contains(event.target)) showSettings(false);
  });
  $('open-sidebar').addEventListener('click', () => showSidebar(true));
  $('close-sidebar').addEventListener('click', () => showSidebar(false));
  $('scrim').addEventListener('click', () => showSidebar(false));
  startSwitches(() => {
    drawSettings();
    languageChanged();
  });
  drawSettings();
}
