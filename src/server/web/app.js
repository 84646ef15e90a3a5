// The page: one conversation at a time, one answer at a time.

import {streamChat} from './api.js';
import './key.js';
import {$, copyText, element} from './dom.js';
import {t} from './language.js';
import {currentModel, drawModels, hasModels, refreshModels, startModels, watchModels} from './models.js';
import {closePanels, drawHistory, longestAnswer, showSidebar, startPanels} from './panels.js';
import {findConversation, newConversation, onOtherTab, removeConversation, saveConversation, settings} from './storage.js';
import {addProblem, addQuestion, AnswerView, clearThread, removeProblems, toEnd} from './thread.js';

const question = $('question');
let conversation = newConversation();
let running = null;  // {abort, view, ...} of the answer in progress

// --- What is shown -------------------------------------------------------------------------------------------

function drawState() {
  const empty = conversation.messages.length === 0 && !running;
  $('welcome').hidden = !empty || !hasModels();
  $('no-model').hidden = !empty || hasModels();
  $('send').hidden = running !== null;
  $('stop').hidden = running === null;
  $('send').disabled = question.value.trim() === '' || !hasModels();
  const model = currentModel();
  if (running?.view && !running.text)
    running.view.wait(model?.state === 'loading' ? t('loadingModel', {model: model.id}) : t('thinking'));
}

function drawConversation() {
  clearThread();
  for (const message of conversation.messages) {
    if (message.role === 'user') {
      addQuestion(message.content);
    } else {
      const view = new AnswerView(() => answerAgain(message));
      view.setText(message.content);
      view.finish(message);
    }
  }
  drawList();
  drawState();
  toEnd();
}

function drawList() {
  drawHistory(conversation.id, {
    open: (id) => {
      stop();
      conversation = findConversation(id) ?? newConversation();
      showSidebar(false);
      drawConversation();
    },
    remove: (id) => {
      removeConversation(id);
      if (id === conversation.id) startNew();
      else drawList();
    },
  });
}

function drawIdeas() {
  $('ideas').replaceChildren(...t('ideas').map((idea) => element('button', {type: 'button', onclick: () => ask(idea)}, idea)));
}

function fitQuestion() {
  question.style.height = 'auto';
  question.style.height = `${question.scrollHeight}px`;
}

// --- What happens --------------------------------------------------------------------------------------------

function startNew() {
  stop();
  conversation = newConversation();
  showSidebar(false);
  drawConversation();
  question.focus();
}

function ask(text) {
  text = text.trim();
  if (!text || running || !hasModels()) return;
  conversation.messages.push({role: 'user', content: text});
  conversation.title ||= text.replace(/\s+/g, ' ').slice(0, 60);
  question.value = '';
  fitQuestion();
  removeProblems();
  addQuestion(text);
  keep();
  answer();
}

// Drops the given answer and what followed it, and asks once more.
function answerAgain(message) {
  if (running) return;
  const index = message ? conversation.messages.indexOf(message) : conversation.messages.length;
  if (index < 0) return;
  conversation.messages.length = index;
  drawConversation();
  answer();
}

function stop() {
  running?.abort.abort();
}

function keep() {
  const whole = saveConversation(conversation);
  drawList();
  if (!whole) addProblem({message: '', code: 'storage'}, []);
}

function requestBody(messages) {
  const system = settings.system.trim() ? [{role: 'system', content: settings.system}] : [];
  return {
    model: currentModel()?.id,
    messages: [...system, ...messages.map(({role, content}) => ({role, content}))],
    temperature: settings.temperature,
    max_tokens: longestAnswer(),
  };
}

async function answer() {
  const message = {role: 'assistant', content: ''};
  const mine = {abort: new AbortController(), text: false, view: new AnswerView(() => answerAgain(message)), conversation};
  running = mine;
  $('announcer').textContent = t('answering');
  drawState();
  watchModels(true);
  toEnd();
  let failure = null;
  const started = performance.now();
  try {
    for await (const event of streamChat(requestBody(conversation.messages), mine.abort.signal)) {
      if (event.text) {
        message.content += event.text;
        mine.text = true;
        mine.view.setText(message.content);
        watchModels(false);
      }
      if (event.finish) message.finish = event.finish;
      if (event.usage) message.figures = figuresOf(event, started);
    }
  } catch (error) {
    if (error.name === 'AbortError') message.finish = 'stopped';
    else failure = error;
  }
  finish(mine, message, failure);
}

function figuresOf({usage, timings}, started) {
  const seconds = timings?.decode_seconds > 0 ? timings.decode_seconds : (performance.now() - started) / 1000;
  const speed = usage.completion_tokens / seconds;
  return {tokens: usage.completion_tokens, speed: speed >= 100 ? Math.round(speed) : speed.toFixed(1)};
}

// The reader may have gone to another conversation meanwhile: what came is kept all the same.
function finish(mine, message, failure) {
  if (running === mine) running = null;
  watchModels(false);
  if (message.content) mine.conversation.messages.push(message);
  const shown = mine.conversation === conversation;
  if (findConversation(mine.conversation.id)) saveConversation(mine.conversation);
  drawList();
  if (message.content || !failure) mine.view.finish(message);
  else mine.view.remove();
  if (shown && failure) {
    const actions = [[t('again'), () => answerAgain(message.content ? message : null)]];
    if (failure.code === 'context_length_exceeded') actions.unshift([t('newChat'), startNew]);
    addProblem(failure, actions);
    refreshModels();
  }
  $('announcer').textContent = failure ? '' : t('answered', {text: message.content.slice(0, 1000)});
  drawState();
}

// --- Keys and buttons ----------------------------------------------------------------------------------------

$('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  ask(question.value);
});
question.addEventListener('input', () => {
  fitQuestion();
  drawState();
});
question.addEventListener('keydown', (event) => {
  // Enter that chooses a word in an input method is not meant for us; 229 is how Safari says so.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  ask(question.value);
});
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || event.isComposing || closePanels()) return;
  stop();
});
$('stop').addEventListener('click', () => {
  stop();
  question.focus();
});
$('new-chat').addEventListener('click', startNew);
$('new-chat-narrow').addEventListener('click', startNew);
$('copy-command').addEventListener('click', () => copyText($('pull-command').textContent, $('copy-command')));
onOtherTab(drawList);

startPanels(() => {
  drawIdeas();
  drawModels();
  if (running) drawList();
  else drawConversation();
});
drawIdeas();
drawConversation();
startModels(drawState);
// Not on a phone, where it would bring up the keyboard.
if (matchMedia('(hover: hover)').matches) question.focus();
