// The messages on the screen.

import {$, copyText, element, icon} from './dom.js';
import {has, t} from './language.js';
import {renderMarkdown} from './markdown.js';

const scroller = $('scroller');
const thread = $('thread');
let sticky = true;  // the reader is at the end and wants to stay there

function isAtEnd() {
  return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 48;
}

export function toEnd(smooth = false) {
  sticky = true;
  scroller.scrollTo({top: scroller.scrollHeight, behavior: smooth ? 'smooth' : 'instant'});
}

scroller.addEventListener('scroll', () => {
  sticky = isAtEnd();
  $('to-end').hidden = sticky || !thread.childNodes.length;
});
new ResizeObserver(() => sticky && toEnd()).observe(thread);
new ResizeObserver(() => sticky && toEnd()).observe(scroller);
$('to-end').addEventListener('click', () => toEnd(true));

export function clearThread() {
  thread.replaceChildren();
  $('to-end').hidden = true;
  sticky = true;
}

export function addQuestion(text) {
  thread.append(element('article.message.user', {'aria-label': t('you')}, text));
}

// An answer that grows. `again` is called when its reader wants another.
export class AnswerView {
  #text = '';
  #drawn = false;
  #waiting = element('p.waiting');
  #content = element('div.markdown');
  #meta = element('div.meta', {hidden: ''});

  constructor(again) {
    this.again = again;
    this.node = element('article.message.assistant', {'aria-label': t('assistant')},
      element('img.mark', {src: '/web/hearth.svg', alt: ''}), this.#waiting, this.#content, this.#meta);
    this.#waiting.hidden = true;
    thread.append(this.node);
  }

  // `text` is shown until the first words come.
  wait(text) {
    this.node.classList.add('busy');
    this.node.setAttribute('aria-busy', 'true');
    this.#waiting.hidden = this.#text !== '';
    this.#waiting.textContent = text;
  }

  setText(text) {
    this.#text = text;
    this.#waiting.hidden = true;
    if (this.#drawn) return;
    this.#drawn = true;
    // Once a frame, however fast the words come.
    requestAnimationFrame(() => {
      this.#drawn = false;
      renderMarkdown(this.#content, this.#text);
    });
  }

  finish(message) {
    this.node.classList.remove('busy');
    this.node.removeAttribute('aria-busy');
    this.#waiting.hidden = true;
    const copy = element('button.icon', {type: 'button', title: t('copy'), 'aria-label': t('copy'), onclick: () => copyText(this.#text, copy)}, icon('copy'));
    const again = element('button.icon.again', {type: 'button', title: t('again'), 'aria-label': t('again'), onclick: () => this.again()}, icon('retry'));
    const parts = [copy, again];
    if (message.figures) parts.push(element('span.figures', {}, t('figures', message.figures)));
    if (message.finish === 'length') parts.push(element('span.cut', {}, t('cutByLength')));
    if (message.finish === 'stopped') parts.push(element('span.cut', {}, t('stopped')));
    this.#meta.replaceChildren(...parts);
    this.#meta.hidden = this.#text === '' && message.finish !== 'stopped';
  }

  remove() {
    this.node.remove();
  }
}

// What went wrong and what to do next. `actions`: [[label, function], ...]
export function addProblem(error, actions) {
  const hint = has(`hint_${error.code}`) ? t(`hint_${error.code}`) : error.requestId ? t('hint_other', {id: error.requestId}) : '';
  const buttons = actions.map(([label, action]) => element('button', {type: 'button', onclick: action}, label));
  const node = element('div.problem', {role: 'alert'}, icon('alert'),
    element('div', {}, element('p', {}, error.message || t('errorTitle')), ...(hint ? [element('p', {}, hint)] : []),
      element('div.actions', {}, ...buttons)));
  thread.append(node);
  return node;
}

export function removeProblems() {
  for (const node of thread.querySelectorAll('.problem')) node.remove();
}
