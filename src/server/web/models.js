// Which model answers, and what state it is in.

import {listModels} from './api.js';
import {$, element} from './dom.js';
import {t} from './language.js';
import {saveSettings, settings} from './storage.js';

const select = $('model');
let models = [];
let problem = '';    // why the list does not come: a key of the texts
let known = false;  // the list has come at least once
let timer = 0;
let busy = false;
let onChange = () => {};

export const currentModel = () => models.find((one) => one.id === select.value);
export const modelIds = () => models.map((one) => one.id);
export const hasModels = () => !known || models.length > 0;

export function sizeText(bytes) {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.max(1, Math.round(bytes / 1e6))} MB`;
}

export function drawModels() {
  const options = models.map((one) =>
    element('option', {value: one.id}, one.size_bytes ? `${one.id} · ${sizeText(one.size_bytes)}` : one.id));
  if (!options.length) options.push(element('option', {value: ''}, t('noModel')));
  const chosen = select.value || settings.model;
  select.replaceChildren(...options);
  select.disabled = models.length === 0;
  select.value = models.some((one) => one.id === chosen) ? chosen : '';
  drawState();
}

function drawState() {
  const model = currentModel();
  const state = problem ? 'failed' : model?.state ?? '';
  $('model-dot').className = `state-dot ${state}`;
  const text = problem ? t(problem)
    : state === 'loading' ? t('loading', {percent: Math.round(100 * (model.progress || 0))})
    : state === 'failed' ? t('failed') : '';
  const node = $('model-state');
  if (node.textContent !== text) node.textContent = text;
  node.classList.toggle('urgent', text !== '');
  node.title = model?.error || '';
}

export async function refreshModels() {
  clearTimeout(timer);
  try {
    const answer = await listModels();
    const before = JSON.stringify(models.map((one) => [one.id, one.size_bytes]));
    models = answer.data.filter((one) => one.type !== 'encoder');
    problem = '';
    if (!known || before !== JSON.stringify(models.map((one) => [one.id, one.size_bytes]))) {
      drawModels();
      if (!select.value) select.value = models.some((one) => one.id === answer.default) ? answer.default : models[0]?.id ?? '';
    }
    known = true;
  } catch (error) {
    problem = error.code === 'missing_scope' ? 'notAllowed' : 'unreachable';
  }
  drawState();
  onChange();
  // Often while something is about to change, else seldom.
  const soon = busy || problem !== '' || !models.length || models.some((one) => one.state === 'loading');
  timer = setTimeout(refreshModels, soon ? 1000 : 15000);
}

export function chooseModel(id) {
  if (!models.some((one) => one.id === id)) return;
  select.value = id;
  select.dispatchEvent(new Event('change'));
}

// While an answer is awaited its model may be loading.
export function watchModels(awaiting) {
  busy = awaiting;
  if (awaiting) {
    clearTimeout(timer);
    timer = setTimeout(refreshModels, 400);
  }
}

export function startModels(changed) {
  onChange = changed;
  select.addEventListener('change', () => {
    settings.model = select.value;
    saveSettings();
    drawState();
    onChange();
  });
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && refreshModels());
  return refreshModels();
}
