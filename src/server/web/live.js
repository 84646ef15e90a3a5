// What the server is doing now: asked once a second while somebody looks, and kept for the last minutes here.

import {getStatus} from './api.js';
import './sign_in.js';
import {$, element} from './dom.js';
import {t} from './language.js';
import {Plot} from './plot.js';
import {startSwitches} from './switches.js';

const kSeconds = 300, kInterval = 1000;
const kRateSeconds = 10;    // over which a rate is taken, so that single steps do not show as noise
const kTotalSeconds = 60;   // of the figures "in the last minute"
let samples = [];           // {time, status}, the oldest first
let problem = '';           // why there is nothing new: a key of the texts

// --- Figures -------------------------------------------------------------------------------------------------

const number = (value) => value >= 100 ? String(Math.round(value)) : value >= 10 ? value.toFixed(1).replace(/\.0$/, '') : value.toFixed(2).replace(/\.?0+$/, '');
const gigabytes = (bytes) => `${(bytes / 1e9).toFixed(2)} GB`;
const secondsText = (value) => value < 1 ? `${Math.round(value * 1000)} ms` : `${number(value)} s`;

// What a counter grew by in the seconds before sample `i`, and how long that was. A model that is loaded anew
// begins at zero.
function growth(i, name, seconds) {
  let first = i;
  while (first > 0 && samples[i].time - samples[first].time < seconds * 1000) --first;
  let grown = 0;
  for (let k = first + 1; k <= i; ++k) grown += Math.max(0, samples[k].status[name] - samples[k - 1].status[name]);
  return {grown, seconds: (samples[i].time - samples[first].time) / 1000};
}

function rate(i, name) {
  const {grown, seconds} = growth(i, name, kRateSeconds);
  return seconds > 0 ? grown / seconds : null;
}

function quotient(i, name, by, seconds) {
  const below = growth(i, by, seconds).grown;
  return below > 0 ? growth(i, name, seconds).grown / below : null;
}

// Each: the values of a sample, the text of the newest, a smaller one beside it, the least upper end.
const kTiles = {
  requests: {
    values: (i) => [samples[i].status.running, samples[i].status.waiting],
    text: ([running, waiting]) => t('runningWaiting', {running, waiting}),
    most: 4,
  },
  computed: {
    values: (i) => [rate(i, 'rows')],
    text: ([value]) => t('perSecond', {n: number(value ?? 0)}),
    more: (i) => t('inOut', {input: number(growth(i, 'prompt_tokens', kTotalSeconds).grown), output: number(growth(i, 'completion_tokens', kTotalSeconds).grown)}),
    most: 10,
  },
  firstToken: {
    values: (i) => [quotient(i, 'first_token_seconds', 'first_tokens', 1)],
    text: ([value]) => value === null ? '–' : secondsText(value),
    newest: (i) => [quotient(i, 'first_token_seconds', 'first_tokens', kTotalSeconds)],
    more: () => t('meanOfMinute'),
    most: 0.1,
  },
  batch: {
    values: (i) => [quotient(i, 'rows', 'steps', 1)],
    text: ([value]) => value === null ? '–' : number(value),
    more: () => t('rowsOfAStep'),
    most: 4,
  },
  pages: {
    values: (i) => [samples[i].status.pages_in_use],
    text: ([value]) => t('ofPages', {used: value, all: samples.at(-1).status.pages}),
    more: (i) => {
      const hits = quotient(i, 'cached_tokens', 'prompt_tokens', kTotalSeconds);
      return hits === null ? '' : t('prefixHits', {percent: Math.round(100 * hits)});
    },
    most: 8,
  },
  memory: {
    values: (i) => [samples[i].status.resident_bytes],
    text: ([value]) => gigabytes(value),
    more: (i) => t('plannedMemory', {size: gigabytes(samples[i].status.planned_bytes)}),
    most: 1e8,
  },
};

// --- Drawing -------------------------------------------------------------------------------------------------

const tiles = Object.entries(kTiles).map(([name, tile]) => {
  const plot = new Plot(name === 'requests' ? 2 : 1, (values, ago) => t('ago', {seconds: ago, text: tile.text(values)}));
  const title = element('h2'), value = element('p.value'), more = element('p.more');
  $('tiles').append(element('section.tile', {id: `tile-${name}`}, title, value, more, plot.node));
  return {name, tile, plot, title, value, more};
});

function drawTiles() {
  const last = samples.length - 1;
  for (const {name, tile, plot, title, value, more} of tiles) {
    title.textContent = t(`tile_${name}`);
    const points = samples.map(({time}, i) => ({ago: (samples[last].time - time) / 1000, values: tile.values(i)}));
    plot.draw(points, kSeconds, tile.most);
    value.textContent = last < 0 ? '–' : tile.text((tile.newest ?? tile.values)(last));
    more.textContent = last < 0 ? '' : tile.more?.(last) ?? '';
    plot.label = `${title.textContent}: ${value.textContent}. ${t('plotKeys')}`;
  }
}

function modelRow(model) {
  const state = model.state === 'loading' ? t('loading', {percent: Math.round(100 * (model.progress ?? 0))}) : t(`state_${model.state}`);
  const row = element('li', {}, element('span.state-dot.' + model.state), element('span.name', {}, model.id), element('span.state', {}, state));
  if (model.state === 'loading') row.append(element('progress', {max: '1', value: model.progress ?? 0, 'aria-label': state}));
  if (model.state === 'loaded') row.append(element('span.detail', {}, `${t('runningWaiting', model)} · ${t('plannedMemory', {size: gigabytes(model.planned_bytes)})}`));
  if (model.error) row.append(element('span.detail.bad', {}, model.error));
  return row;
}

function draw() {
  const status = samples.at(-1)?.status;
  const text = problem ? t(problem) : !status ? '' : status.ready ? t('serverReady') : t('serverNotReady');
  if ($('phase').textContent !== text) $('phase').textContent = text;
  $('phase-dot').className = `state-dot ${problem ? 'failed' : !status ? '' : status.ready ? 'loaded' : 'loading'}`;
  drawTiles();
  $('models').replaceChildren(...(status?.models ?? []).map(modelRow));
  const asked = (status?.response_cache_hits ?? 0) + (status?.response_cache_misses ?? 0);
  $('answers').textContent = asked ? t('keptAnswers', {hits: status.response_cache_hits, asked}) : '';
}

// --- Asking --------------------------------------------------------------------------------------------------

let timer = 0;

async function ask() {
  clearTimeout(timer);
  try {
    const status = await getStatus();
    const time = performance.now();
    samples = [...samples.filter((one) => time - one.time < kSeconds * 1000), {time, status}];
    problem = '';
  } catch (error) {
    problem = error.code === 'unknown_url' ? 'statusElsewhere' : error.code === 'missing_scope' ? 'hint_missing_scope' : 'unreachable';
  }
  draw();
  // Nobody looks at a hidden page; one that may never show anything does not ask for ever.
  if (!document.hidden && problem !== 'statusElsewhere') timer = setTimeout(ask, kInterval);
}

document.addEventListener('visibilitychange', () => !document.hidden && ask());
startSwitches(draw);
draw();
ask();
