// The settings: how the model answers, in which role, in which form.

import {confirm, askText} from './dialogs.js';
import {$, element} from './dom.js';
import {t} from './language.js';
import {own, saveOwn, saveSettings, settings} from './storage.js';

// What the slider's positions mean; 0: as long as the context lets.
const kLengths = [32, 64, 128, 256, 512, 1024, 2048, 0];
const kExampleSchema = {type: 'object', properties: {title: {type: 'string'}, tags: {type: 'array', items: {type: 'string'}, maxItems: 5}}, required: ['title', 'tags'], additionalProperties: false};

export const longestAnswer = () => kLengths[settings.length] || undefined;

// The schema, null where there is none; throws what is wrong with it.
function readSchema() {
  if (!own.schema.trim()) return null;
  const schema = JSON.parse(own.schema);
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) throw new Error(t('schemaNoObject'));
  return schema;
}

// The part of a request that asks for JSON. A schema that is none is said beside its field, and asks for nothing.
export function responseFormat() {
  try {
    const schema = readSchema();
    return schema ? {response_format: {type: 'json_schema', json_schema: {name: 'answer', schema, strict: true}}} : {};
  } catch {
    return {};
  }
}

function drawSchema() {
  let problem = '';
  try {
    readSchema();
  } catch (error) {
    problem = t('schemaWrong', {problem: error.message});
  }
  const isOn = own.schema.trim() !== '' && !problem;
  $('schema').setAttribute('aria-invalid', problem !== '');
  $('schema-state').textContent = problem || (isOn ? t('schemaOn') : t('schemaOff'));
  $('schema-state').classList.toggle('bad', problem !== '');
  $('schema-mark').hidden = !isOn;
}

const presets = () => [...t('presets').map((one, i) => ({...one, key: `b${i}`})), ...own.presets.map((one, i) => ({...one, key: `o${i}`}))];

function drawPresets() {
  const all = presets();
  const chosen = all.find((one) => one.text === own.system);
  const group = (mark, label) => element('optgroup', {label}, ...all.filter(({key}) => key[0] === mark).map(({key, name}) => element('option', {value: key}, name)));
  $('preset').replaceChildren(element('option', {value: ''}, own.system.trim() && !chosen ? t('presetOwn') : t('presetNone')), group('b', t('presetsBuiltin')),
    ...(own.presets.length ? [group('o', t('presetsSaved'))] : []));
  $('preset').value = chosen?.key ?? '';
  $('save-preset').disabled = !own.system.trim() || chosen !== undefined;
  $('remove-preset').hidden = chosen?.key[0] !== 'o';
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
  drawPresets();
  drawSchema();
}

function setSystem(text) {
  own.system = text;
  saveOwn();
  drawPresets();
}

async function savePreset() {
  const name = await askText(t('presetName'), '', t('save'));
  if (!name) return;
  own.presets = [...own.presets.filter((one) => one.name !== name), {name, text: own.system}];
  setSystem(own.system);
}

async function removePreset() {
  const chosen = own.presets[Number($('preset').value.slice(1))];
  if (!chosen || !await confirm(t('presetRemove'), chosen.name, t('remove'))) return;
  own.presets = own.presets.filter((one) => one !== chosen);
  setSystem('');
  $('system').value = '';
}

function setSchema(text) {
  own.schema = text;
  saveOwn();
  drawSchema();
}

export function startSettings() {
  if (!(settings.length in kLengths)) settings.length = 4;
  const change = (name) => (event) => {
    settings[name] = Number(event.target.value);
    saveSettings();
    drawSettings();
  };
  $('temperature').addEventListener('input', change('temperature'));
  $('length').addEventListener('input', change('length'));
  $('system').value = own.system;
  $('system').addEventListener('input', (event) => setSystem(event.target.value));
  $('preset').addEventListener('change', () => {
    $('system').value = presets().find(({key}) => key === $('preset').value)?.text ?? '';
    setSystem($('system').value);
  });
  $('save-preset').addEventListener('click', savePreset);
  $('remove-preset').addEventListener('click', removePreset);
  $('schema').value = own.schema;
  $('schema').addEventListener('input', (event) => setSchema(event.target.value));
  $('schema-example').addEventListener('click', () => {
    $('schema').value = JSON.stringify(kExampleSchema, null, 2);
    setSchema($('schema').value);
  });
  $('schema-clear').addEventListener('click', () => {
    $('schema').value = '';
    setSchema('');
  });
  drawSettings();
  return drawSettings;
}
