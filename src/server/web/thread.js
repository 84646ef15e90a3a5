// The messages on the screen.

import {codeBlock} from './code.js';
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

const button = (name, label, onclick) => element(`button.icon.${name}`, {type: 'button', title: label, 'aria-label': label, onclick}, icon(name));

// A question. `edit(text)` is called when its writer wants to ask otherwise.
export function addQuestion(text, edit) {
  const bubble = element('div.bubble', {}, text);
  const copy = button('copy', t('copy'), () => copyText(text, copy));
  const node = element('article.message.user', {'aria-label': t('you')}, bubble,
    element('div.meta', {}, copy, button('edit', t('edit'), () => openEditor(node, text, edit))));
  thread.append(node);
}

function openEditor(node, text, edit) {
  const area = element('textarea', {'aria-label': t('edit'), rows: Math.min(12, text.split('\n').length + 1)});
  area.value = text;
  const kept = [...node.childNodes];
  const close = () => {
    node.classList.remove('editing');
    node.replaceChildren(...kept);
    node.querySelector('.edit').focus();
  };
  const form = element('form', {onsubmit: (event) => {
    event.preventDefault();
    if (area.value.trim()) edit(area.value.trim());
  }}, area, element('div.actions', {}, element('button', {type: 'button', onclick: close}, t('cancel')),
    element('button.primary', {type: 'submit'}, t('askAgain'))));
  form.addEventListener('keydown', (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === 'Escape') close();
    else if (event.key === 'Enter' && !event.shiftKey && event.target === area) form.requestSubmit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  node.classList.add('editing');
  node.replaceChildren(form);
  area.focus();
}

export function editLastQuestion() {
  [...thread.querySelectorAll('.message.user .edit')].at(-1)?.click();
}

// An answer that grows. `again` is called when its reader wants another.
export class AnswerView {
  #text = '';
  #drawn = false;
  #isJson = false;
  #waiting = element('p.waiting');
  #thought = element('div');
  #thinking = element('details.thought', {hidden: ''}, element('summary', {}, t('thought')), this.#thought);
  #content = element('div.markdown');
  #meta = element('div.meta', {hidden: ''});

  constructor(again, isJson) {
    this.again = again;
    this.#isJson = isJson;
    this.node = element('article.message.assistant', {'aria-label': t('assistant')},
      element('img.mark', {src: '/web/hearth.svg', alt: ''}), this.#waiting, this.#thinking, this.#content, this.#meta);
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

  // What the model wrote before its answer, as plain text.
  setThought(text) {
    this.#waiting.hidden = true;
    this.#thinking.hidden = false;
    this.#thought.textContent = text;
  }

  setText(text) {
    this.#text = text;
    this.#waiting.hidden = true;
    if (this.#drawn) return;
    this.#drawn = true;
    // Once a frame, however fast the words come.
    requestAnimationFrame(() => {
      this.#drawn = false;
      if (this.#isJson) this.#content.replaceChildren(codeBlock(inLines(this.#text), 'json'));
      else renderMarkdown(this.#content, this.#text);
    });
  }

  // How it goes, under what has come.
  progress(text) {
    this.#meta.replaceChildren(element('span.figures', {}, text));
    this.#meta.hidden = false;
  }

  finish(message) {
    this.node.classList.remove('busy');
    this.node.removeAttribute('aria-busy');
    this.#waiting.hidden = true;
    const copy = button('copy', t('copy'), () => copyText(this.#text, copy));
    const again = button('retry', t('again'), () => this.again());
    again.classList.add('again');
    const parts = [copy, again];
    if (message.figures?.tokens) parts.push(figuresNode(message.figures));
    if (message.finish === 'length') parts.push(element('span.cut', {}, t('cutByLength')));
    if (message.finish === 'stopped') parts.push(element('span.cut', {}, t('stopped')));
    this.#meta.replaceChildren(...parts);
    this.#meta.hidden = this.#text === '' && message.finish !== 'stopped';
  }

  remove() {
    this.node.remove();
  }
}

// JSON as people read it, once it is whole.
function inLines(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

// Tokens and speed; and, for who opens it, where the time went.
function figuresNode(figures) {
  const short = t('figures', figures);
  if (figures.prompt === undefined) return element('span.figures', {}, short);
  return element('details.figures', {}, element('summary', {title: t('figuresMore')}, short), element('span', {}, t('figuresLong', figures)));
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
