// The page: puts its parts together.

import {openSession, signOut} from './api.js';
import './sign_in.js';
import {ask, currentId, drawConversation, isEmpty, isRunning, onChatChange, openConversation, stop} from './chat.js';
import {confirm} from './dialogs.js';
import {$, copyText, element} from './dom.js';
import {drawHistory, startHistory} from './history.js';
import {setLanguage, t} from './language.js';
import {drawModels, hasModels, startModels} from './models.js';
import {drawOffers, startOffers} from './offers.js';
import {closePanels, showSettings, showSidebar, startPanels} from './panels.js';
import {startSettings} from './settings.js';
import {showShortcuts, startShortcuts} from './shortcuts.js';
import {onOtherTab, openStorage, settings, wipe} from './storage.js';
import {startSwitches} from './switches.js';
import {addProblem, editLastQuestion} from './thread.js';

const question = $('question');

function drawState() {
  $('welcome').hidden = !isEmpty() || !hasModels();
  $('no-model').hidden = !isEmpty() || hasModels();
  document.body.classList.toggle('talking', !isEmpty());
  $('send').hidden = isRunning();
  $('stop').hidden = !isRunning();
  $('send').disabled = question.value.trim() === '' || !hasModels();
}

function drawIdeas() {
  $('ideas').replaceChildren(...t('ideas').map((idea) => element('button', {type: 'button', onclick: () => ask(idea)}, idea)));
}

function fitQuestion() {
  question.style.height = 'auto';
  question.style.height = `${question.scrollHeight}px`;
}

function goTo(id) {
  openConversation(id);
  showSidebar(false);
  if (!id) question.focus();
}

function send() {
  if (!ask(question.value)) return;
  question.value = '';
  fitQuestion();
  drawState();
}

function showSearch() {
  if (!matchMedia('(min-width: 52rem)').matches) showSidebar(true);
  $('search').focus();
}

async function leave() {
  if (!await confirm(t('signOut'), t('signOutMore'), t('signOut'))) return;
  stop();
  wipe();
  try {
    await signOut();
    location.reload();
  } catch (error) {
    addProblem(error, [[t('again'), leave]]);
  }
}

function startQuestion() {
  $('composer').addEventListener('submit', (event) => {
    event.preventDefault();
    send();
  });
  question.addEventListener('input', () => {
    fitQuestion();
    drawState();
  });
  question.addEventListener('keydown', (event) => {
    // Enter that chooses a word in an input method is not meant for us; 229 is how Safari says so.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    send();
  });
  $('stop').addEventListener('click', () => {
    stop();
    question.focus();
  });
}

function startButtons() {
  for (const id of ['new-chat', 'new-chat-narrow']) $(id).addEventListener('click', () => goTo(null));
  $('copy-command').addEventListener('click', () => copyText($('pull-command').textContent, $('copy-command')));
  $('show-shortcuts').addEventListener('click', showShortcuts);
  $('schema-mark').addEventListener('click', () => {
    showSettings(true);
    $('schema').focus();
  });
  startShortcuts({
    newChat: () => goTo(null),
    search: showSearch,
    settings: () => $('open-settings').click(),
    escape: () => closePanels() || stop(),
    edit: editLastQuestion,
  });
}

function startHere(session) {
  $('sign-out').hidden = !session.needs_key;
  if (session.needs_key) {
    $('tenant').textContent = session.tenant;
    $('sign-out').addEventListener('click', leave);
  }
  const drawSettings = startSettings();
  startHistory({open: goTo, removed: (id) => id === currentId() ? goTo(null) : drawHistory(currentId())});
  onChatChange(() => {
    drawHistory(currentId());
    drawState();
  });
  onOtherTab(() => drawHistory(currentId()));
  startSwitches(() => {
    drawSettings();
    drawIdeas();
    drawModels();
    drawOffers();
    if (isRunning()) drawHistory(currentId());
    else drawConversation();
  });
}

async function start() {
  setLanguage(settings.language);
  startPanels();
  startQuestion();
  startButtons();
  let session = null;
  while (!session) {
    try {
      session = await openSession();
    } catch {
      $('model-state').textContent = t('unreachable');
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
  openStorage(session);
  startHere(session);
  drawIdeas();
  drawConversation();
  startModels(() => {
    drawState();
    drawOffers();
  }).then(() => startOffers(session));
  // Not on a phone, where it would bring up the keyboard.
  if (matchMedia('(hover: hover)').matches) question.focus();
}

start();
