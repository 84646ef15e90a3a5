// A model's text as formatted text: parsed by marked, made harmless by DOMPurify. What looks like HTML is shown as
// it was written. A text that grows is drawn anew only from where it changed.

import {codeBlock} from './code.js';
import {element} from './dom.js';
import './marked.umd.min.js';
import {kHarmlessLink, sanitised} from './sanitise.js';

// What is beyond these is shown as plain text: the parser would take seconds for it.
const kMostCharacters = 200_000, kLongestLine = 10_000, kMostInline = 4_000;
const kTooDeep = /^(?: {0,3}> ?){50}/m;
const kTags = ['p', 'br', 'hr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'ul', 'ol', 'li', 'strong', 'em', 'del', 'code', 'pre', 'blockquote', 'a', 'table', 'thead', 'tbody', 'tr', 'th', 'td'];
const kAttributes = ['href', 'title', 'start', 'align', 'class'];

const escaped = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const renderer = new marked.Renderer();
renderer.html = escaped;
renderer.image = (href, title, text) => escaped(`![${text}](${href})`);
renderer.checkbox = (checked) => checked ? '☑ ' : '☐ ';
const drawLink = renderer.link;
renderer.link = function(href, title, text) {
  return kHarmlessLink.test(href) ? drawLink.call(this, href, title, text) : `${text} (${escaped(href ?? '')})`;
};
const options = {gfm: true, breaks: true, mangle: false, headerIds: false, renderer};

class Lexer extends marked.Lexer {
  inlineTokens(source, tokens = []) {
    if (source.length <= kMostInline) return super.inlineTokens(source, tokens);
    tokens.push({type: 'text', raw: source, text: escaped(source)});
    return tokens;
  }
}

function isTooMuch(text) {
  return text.length > kMostCharacters || kTooDeep.test(text) || text.split('\n').some((line) => line.length > kLongestLine);
}

// The nodes of one block of the text.
function draw(token) {
  if (token.type === 'code') return [codeBlock(token.text, (token.lang ?? '').trim().split(/\s/)[0])];
  const fragment = sanitised(marked.parser([token], options), kTags, kAttributes);
  for (const pre of fragment.querySelectorAll('pre'))
    pre.replaceWith(codeBlock(pre.textContent.replace(/\n$/, ''), (pre.firstElementChild?.className ?? '').replace('language-', '')));
  for (const table of fragment.querySelectorAll('table')) {
    const frame = element('div.table', {tabindex: 0});
    table.replaceWith(frame);
    frame.append(table);
  }
  for (const link of fragment.querySelectorAll('a')) {
    link.target = '_blank';
    link.rel = 'noopener noreferrer';
  }
  return [...fragment.childNodes];
}

function blocksOf(text) {
  const tokens = new Lexer({...marked.defaults, ...options}).lex(`${text}\n`);  // a block of code that is not closed yet ends with its line
  const links = JSON.stringify(tokens.links);  // what a block looks like may depend on them
  return tokens.filter((token) => token.type !== 'space').map((token) => ({source: token.raw.trimEnd() + links, text: token.raw, draw: () => draw(token)}));
}

const plain = (text) => [{source: text, text, draw: () => [element('p.plain', {}, text)]}];

const drawn = new WeakMap();  // container: [{source, nodes}]

export function renderMarkdown(container, text) {
  let blocks;
  try {
    blocks = isTooMuch(text) ? plain(text) : blocksOf(text);
  } catch {
    blocks = plain(text);  // nested beyond what can be parsed
  }
  const before = drawn.get(container) ?? [];
  let same = 0;
  while (same < before.length && same < blocks.length && before[same].source === blocks[same].source) ++same;
  for (const {nodes} of before.splice(same)) for (const node of nodes) node.remove();
  for (const block of blocks.slice(same)) {
    let nodes;
    try {
      nodes = block.draw();
    } catch {
      nodes = plain(block.text)[0].draw();
    }
    container.append(...nodes);
    before.push({source: block.source, nodes});
  }
  drawn.set(container, before);
}
