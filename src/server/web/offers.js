// Models of the built-in list, fetched with one click by who may: a first one where there is none, the recommended
// one while only the small one is there.

import {getDownloads, startDownload, stopDownload} from './api.js';
import {$, element} from './dom.js';
import {language, t} from './language.js';
import {chooseModel, modelIds, refreshModels, sizeText} from './models.js';

const kSmall = $('pull-command').dataset.model;
let state = null;  // what the server said last; null: nothing, or we may not
let timer = 0;
let dismissed = false;
let shown = '';

// Only while there is nothing better than the small one.
function offered() {
  return modelIds().every((id) => id === kSmall) ? (state?.models ?? []).find((one) => one.recommended) : null;
}

async function change(action) {
  try {
    take(await action());
  } catch (error) {
    $('offer-problem').textContent = error.message;
  }
}

function progressNodes({model}) {
  return [
    element('div', {}, element('strong', {}, t('downloading', {model})), element('p')),
    element('progress', {max: 1, 'aria-label': t('downloading', {model})}),
    element('button', {type: 'button', onclick: () => change(stopDownload)}, t('stop')),
  ];
}

function showProgress({bytes_done, bytes_total, phase}) {
  const share = bytes_total ? bytes_done / bytes_total : 0;
  const text = t('downloaded', {done: sizeText(bytes_done), total: sizeText(bytes_total), percent: Math.floor(100 * share)});
  $('offer-content').querySelector('p').textContent = bytes_total && phase === 'downloading' ? text : t(`phase_${phase}`);
  if (bytes_total) $('offer-content').querySelector('progress').value = share;
}

function offerNodes({name, size_bytes, languages, licence}) {
  const about = [t('offerMore'), sizeText(size_bytes), languages.map((code) => t(`language_${code}`)).join(', '), licence].join(' · ');
  return [
    element('div', {}, element('strong', {}, t('offer', {model: name})), element('p', {}, about)),
    element('button.primary', {type: 'button', onclick: () => change(() => startDownload(name))}, t('download')),
    element('button', {type: 'button', onclick: () => {
      dismissed = true;
      drawOffers();
    }}, t('later')),
  ];
}

export function drawOffers() {
  const running = state?.download?.running ? state.download : null;
  const offer = dismissed ? null : offered();
  const now = JSON.stringify([running?.model, offer?.name, language()]);
  if (now !== shown) $('offer-content').replaceChildren(...(running ? progressNodes(running) : offer ? offerNodes(offer) : []));
  shown = now;  // what is the same stays, and with it the focus
  if (running) showProgress(running);
  const problem = !running && state?.download?.error ? t('downloadFailed', {problem: state.download.error}) : '';
  $('offer-problem').textContent = offer || running ? problem : '';
  $('offer').hidden = !running && !offer;
  // Where there is no model at all, the small one is quickest.
  const small = (state?.models ?? []).find((one) => one.name === kSmall);
  $('fetch-small').hidden = !small || running !== null;
  if (small) $('fetch-small').textContent = t('downloadSize', {model: small.name, size: sizeText(small.size_bytes)});
}

function take(next) {
  const was = state?.download;
  state = next;
  drawOffers();
  clearTimeout(timer);
  if (state.download?.running) timer = setTimeout(poll, 1000);
  else if (was?.running && !state.download.error) refreshModels().then(() => chooseModel(was.model));
}

async function poll() {
  try {
    take(await getDownloads());
  } catch {
    timer = setTimeout(poll, 5000);  // it may come back
  }
}

export async function startOffers(session) {
  if (session.needs_key && !session.scopes.includes('admin')) return;
  $('fetch-small').addEventListener('click', () => change(() => startDownload(kSmall)));
  try {
    take(await getDownloads());
  } catch {
    // Not for us: `hearth pull` stays.
  }
}
