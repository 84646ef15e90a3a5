// One conversation at a time, one answer at a time.

import {streamChat} from './api.js';
import {$} from './dom.js';
import {t} from './language.js';
import {currentModel, hasModels, refreshModels, watchModels} from './models.js';
import {longestAnswer, responseFormat} from './settings.js';
import {findConversation, newConversation, own, saveConversation, settings} from './storage.js';
import {addProblem, addQuestion, AnswerView, clearThread, removeProblems, toEnd} from './thread.js';

let conversation = newConversation();
let running = null;  // {abort, view, ...} of the answer in progress
let changed = () => {};

// `callback`: after anything that others show.
export function onChatChange(callback) {
  changed = callback;
}
export const currentId = () => conversation.id;
export const isRunning = () => running !== null;
export const isEmpty = () => conversation.messages.length === 0 && !running;

export function drawConversation() {
  clearThread();
  for (const message of conversation.messages) {
    if (message.role === 'user') {
      addQuestion(message.content, (text) => askOtherwise(message, text));
    } else {
      const view = new AnswerView(() => answerAgain(message), message.json);
      if (message.thought) view.setThought(message.thought);
      view.setText(message.content);
      view.finish(message);
    }
  }
  changed();
  toEnd();
}

export function openConversation(id) {
  stop();
  conversation = (id && findConversation(id)) ?? newConversation();
  drawConversation();
}

export function stop() {
  running?.abort.abort();
}

export function ask(text) {
  text = text.trim();
  if (!text || running || !hasModels()) return false;
  const message = {role: 'user', content: text};
  conversation.messages.push(message);
  conversation.title ||= text.replace(/\s+/g, ' ').slice(0, 60);
  removeProblems();
  addQuestion(text, (other) => askOtherwise(message, other));
  keep();
  answer();
  return true;
}

function askOtherwise(message, text) {
  if (running) return;
  conversation.messages.length = conversation.messages.indexOf(message);
  drawConversation();
  ask(text);
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

function keep() {
  const whole = saveConversation(conversation);
  changed();
  if (!whole) addProblem({message: '', code: 'storage'}, []);
}

function requestBody(messages) {
  const system = own.system.trim() ? [{role: 'system', content: own.system}] : [];
  return {
    model: currentModel()?.id,
    messages: [...system, ...messages.map(({role, content}) => ({role, content}))],
    temperature: settings.temperature,
    max_tokens: longestAnswer(),
    ...responseFormat(),
  };
}

async function answer() {
  const body = requestBody(conversation.messages);
  const message = {role: 'assistant', content: '', json: body.response_format !== undefined};
  const mine = {abort: new AbortController(), pieces: 0, asked: performance.now(), view: new AnswerView(() => answerAgain(message), message.json), conversation};
  running = mine;
  $('announcer').textContent = t('answering');
  const ticking = setInterval(() => drawProgress(mine), 250);
  changed();
  watchModels(true);
  drawProgress(mine);
  toEnd();
  let failure = null;
  try {
    for await (const event of streamChat(body, mine.abort.signal)) {
      if (event.thought) {
        mine.begun ??= performance.now();
        ++mine.pieces;
        message.thought = (message.thought || '') + event.thought;
        mine.view.setThought(message.thought);
      }
      if (event.text) {
        mine.begun ??= performance.now();
        ++mine.pieces;
        message.content += event.text;
        mine.view.setText(message.content);
        watchModels(false);
      }
      if (event.finish) message.finish = event.finish;
      if (event.usage) message.figures = figuresOf(event, mine);
    }
  } catch (error) {
    if (error.name === 'AbortError') message.finish = 'stopped';
    else failure = error;
  }
  clearInterval(ticking);
  finish(mine, message, failure);
}

const speedText = (speed) => speed >= 100 ? String(Math.round(speed)) : speed.toFixed(1);
const secondsOf = (since) => (performance.now() - since) / 1000;

// What it waits for; then, how many tokens have come. A piece of the stream is nearly always one.
function drawProgress(mine) {
  if (mine.begun) {
    const seconds = secondsOf(mine.begun);
    if (seconds > 0.5) mine.view.progress(t('writing', {tokens: mine.pieces, speed: speedText(mine.pieces / seconds)}));
    return;
  }
  const model = currentModel();
  const text = model?.state === 'loading' ? t('loadingModel', {model: model.id, percent: Math.round(100 * (model.progress || 0))})
    : model?.waiting > 0 ? t('queued', {n: model.waiting, running: model.running}) : t('thinking');
  mine.view.wait(secondsOf(mine.asked) < 3 ? text : `${text} · ${t('seconds', {n: Math.round(secondsOf(mine.asked))})}`);
}

function figuresOf({usage, timings}, mine) {
  const decode = timings?.decode_seconds > 0 ? timings.decode_seconds : secondsOf(mine.asked);
  return {
    tokens: usage.completion_tokens,
    speed: speedText(usage.completion_tokens / decode),
    prompt: usage.prompt_tokens,
    cached: usage.prompt_tokens_details?.cached_tokens ?? 0,
    queue: (timings?.queue_seconds ?? 0).toFixed(2),
    prefill: (timings?.prefill_seconds ?? 0).toFixed(2),
    decode: decode.toFixed(2),
  };
}

// The reader may have gone to another conversation meanwhile: what came is kept all the same.
function finish(mine, message, failure) {
  if (running === mine) running = null;
  watchModels(false);
  if (message.content) mine.conversation.messages.push(message);
  const shown = mine.conversation === conversation;
  if (findConversation(mine.conversation.id)) saveConversation(mine.conversation);
  if (message.content || !failure) mine.view.finish(message);
  else mine.view.remove();
  if (shown && failure) {
    const actions = [[t('again'), () => answerAgain(message.content ? message : null)]];
    if (failure.code === 'context_length_exceeded') actions.unshift([t('newChat'), () => openConversation(null)]);
    addProblem(failure, actions);
    refreshModels();
  }
  $('announcer').textContent = failure ? '' : t('answered', {text: message.content.slice(0, 1000)});
  changed();
}
