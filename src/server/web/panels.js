// What opens and closes: the conversations on a narrow screen, the settings.

import {$} from './dom.js';

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
  if (document.querySelector('dialog[open]')) return true;  // the browser closes it
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

export function startPanels() {
  $('open-settings').addEventListener('click', () => {
    showSettings($('settings').hidden);
    if (!$('settings').hidden) $('temperature').focus();
  });
  $('close-settings').addEventListener('click', closePanels);
  document.addEventListener('pointerdown', (event) => {
    const within = ['settings', 'open-settings', 'schema-mark'].some((id) => $(id).contains(event.target));
    if (!within && !event.target.closest('dialog')) showSettings(false);
  });
  $('open-sidebar').addEventListener('click', () => showSidebar(true));
  $('close-sidebar').addEventListener('click', () => showSidebar(false));
  $('scrim').addEventListener('click', () => showSidebar(false));
}
