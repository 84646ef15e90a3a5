// Markdown as models write it (the common part of CommonMark and GitHub's tables), straight into DOM nodes: text is
// never parsed as HTML, links go only to web and mail addresses, images are not loaded. Every block remembers its
// source, so a growing answer redraws its last blocks alone.

import {copyText, element, icon} from './dom.js';
import {t} from './language.js';

const kDeepest = 6;
const fence = /^ {0,3}(```+|~~~+) *([^`\s]*)/;
const heading = /^ {0,3}(#{1,6})(?: +(.*?))?(?: +#+)? *$/;
const rule = /^ {0,3}(?:(?:- *){3,}|(?:\* *){3,}|(?:_ *){3,})$/;
const quote = /^ {0,3}> ?/;
const item = /^( *)([-*+]|\d{1,9}[.)])(?: +|$)/;
const tableRule = /^ *\|? *:?-+:? *(?:\| *:?-+:? *)*\|? *$/;

// [{kind, lines, ...}], each with the lines that it is made of.
function blocksOf(lines) {
  const blocks = [];
  for (let i = 0; i < lines.length;) {
    const line = lines[i];
    const begin = i;
    let match;
    if (!line.trim()) {
      ++i;
      continue;
    }
    if ((match = fence.exec(line))) {
      const end = match[1];
      for (++i; i < lines.length && !(lines[i].trim().startsWith(end) && !lines[i].trim().slice(end.length).trim()); ++i);
      blocks.push({kind: 'code', language: match[2], lines: lines.slice(begin, i + 1), content: lines.slice(begin + 1, i)});
      ++i;
    } else if ((match = heading.exec(line))) {
      blocks.push({kind: 'heading', level: match[1].length, text: match[2] || '', lines: [line]});
      ++i;
    } else if (rule.test(line)) {
      blocks.push({kind: 'rule', lines: [line]});
      ++i;
    } else if (quote.test(line)) {
      while (i < lines.length && quote.test(lines[i])) ++i;
      blocks.push({kind: 'quote', lines: lines.slice(begin, i)});
    } else if (item.test(line)) {
      i = endOfList(lines, i);
      blocks.push({kind: 'list', lines: lines.slice(begin, i)});
    } else if (line.includes('|') && i + 1 < lines.length && tableRule.test(lines[i + 1]) && lines[i + 1].includes('-')) {
      while (i < lines.length && lines[i].includes('|')) ++i;
      blocks.push({kind: 'table', lines: lines.slice(begin, Math.max(i, begin + 2))});
      i = Math.max(i, begin + 2);
    } else {
      for (++i; i < lines.length && lines[i].trim() && !startsBlock(lines[i]); ++i);
      blocks.push({kind: 'paragraph', lines: lines.slice(begin, i)});
    }
  }
  return blocks;
}

const startsBlock = (line) => fence.test(line) || heading.test(line) || quote.test(line) || item.test(line) || rule.test(line);
const indentOf = (line) => line.length - line.trimStart().length;

function endOfList(lines, i) {
  const indent = indentOf(lines[i]);
  const ordered = /\d/.test(item.exec(lines[i])[2]);
  for (++i; i < lines.length; ++i) {
    if (!lines[i].trim()) {
      // A blank line goes on with the list only where the next line belongs to it.
      const next = lines[i + 1];
      if (next === undefined || !next.trim()) return i;
      if (indentOf(next) <= indent && !item.test(next)) return i;
      continue;
    }
    const match = item.exec(lines[i]);
    if (match && match[1].length <= indent + 1 && /\d/.test(match[2]) !== ordered) return i;
    if (!match && indentOf(lines[i]) <= indent && startsBlock(lines[i])) return i;
  }
  return i;
}

function listNode(block, depth) {
  const first = item.exec(block.lines[0]);
  const indent = first[1].length;
  const ordered = /\d/.test(first[2]);
  const list = element(ordered ? 'ol' : 'ul');
  if (ordered && parseInt(first[2], 10) !== 1) list.setAttribute('start', parseInt(first[2], 10));
  const items = [];
  for (const line of block.lines) {
    const match = item.exec(line);
    if (match && match[1].length <= indent + 1) items.push({width: match[0].length, lines: [line.slice(match[0].length)]});
    else items.at(-1).lines.push(line.slice(Math.min(indentOf(line), items.at(-1).width)));
  }
  const loose = items.some((one) => one.lines.some((line, i) => !line.trim() && i + 1 < one.lines.length));
  for (const one of items) {
    const node = element('li');
    for (const inner of blocksOf(one.lines)) {
      if (inner.kind === 'paragraph' && !loose) node.append(...inline(inner.lines.join('\n')));
      else node.append(blockNode(inner, depth + 1));
    }
    list.append(node);
  }
  return list;
}

const cellsOf = (line) => line.trim().replace(/^\||\|$/g, '').split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/\\\|/g, '|'));

function tableNode(block) {
  const row = (line, tag) => element('tr', {}, ...cellsOf(line).map((cell) => element(tag, {}, ...inline(cell))));
  return element('div.table', {}, element('table', {}, element('thead', {}, row(block.lines[0], 'th')),
    element('tbody', {}, ...block.lines.slice(2).map((line) => row(line, 'td')))));
}

function codeNode(block) {
  const text = block.content.join('\n');
  const button = element('button.text', {type: 'button', onclick: () => copyText(text, button)}, icon('copy'), t('copyCode'));
  return element('div.code', {}, element('div.head', {}, element('span', {}, block.language || ''), button),
    element('pre', {tabindex: '0'}, element('code', {}, text)));
}

function blockNode(block, depth) {
  if (depth > kDeepest) return element('p', {}, block.lines.join('\n'));
  switch (block.kind) {
    case 'code': return codeNode(block);
    case 'heading': return element(`h${Math.min(block.level, 4)}`, {}, ...inline(block.text));
    case 'rule': return element('hr');
    case 'quote': return element('blockquote', {}, ...blocksOf(block.lines.map((line) => line.replace(quote, ''))).map((inner) => blockNode(inner, depth + 1)));
    case 'list': return listNode(block, depth);
    case 'table': return tableNode(block);
    default: return element('p', {}, ...inline(block.lines.map((line) => line.trimStart()).join('\n')));
  }
}

const wrappers = {'**': 'strong', '__': 'strong', '*': 'em', '_': 'em', '~~': 's'};
const token = /\\([!-/:-@[-`{-~])|(`+)|(\*\*|__|~~|\*|_)|\[([^\][]{1,500})\]\(([^()\s]{1,2000})\)|(https?:\/\/[^\s<>"'`*()\]]{1,2000}[^\s<>"'`*()\].,;:!?，。；：！？、）])|\n/g;
const isWord = (character) => /[\p{L}\p{N}]/u.test(character || '');

// Nodes of a stretch of text. Marks that never close stay text.
function inline(text) {
  const root = {nodes: []};
  const stack = [root];
  const add = (node) => stack.at(-1).nodes.push(node);
  let end = 0;
  token.lastIndex = 0;
  for (let match; (match = token.exec(text));) {
    const [whole, escaped, ticks, mark, label, target, address] = match;
    if (match.index > end) add(text.slice(end, match.index));
    end = token.lastIndex;
    if (escaped) add(escaped);
    else if (ticks) end = addCode(text, match.index, ticks, add);
    else if (mark) addMark(text, match.index, mark, stack);
    else if (label !== undefined) add(linkNode(target, label) || whole);
    else if (address) add(linkNode(address, address) || whole);
    else add(element('br'));
    token.lastIndex = end;
  }
  if (end < text.length) add(text.slice(end));
  while (stack.length > 1) unwrap(stack);
  return root.nodes;
}

function addCode(text, index, ticks, add) {
  const begin = index + ticks.length;
  let close = text.indexOf(ticks, begin);
  while (close >= 0 && text[close + ticks.length] === '`') {
    let past = close;
    while (text[past] === '`') ++past;
    close = text.indexOf(ticks, past);
  }
  if (close < 0) {
    add(ticks);
    return begin;
  }
  const content = text.slice(begin, close).replace(/\n/g, ' ');
  add(element('code', {}, /^ .*[^ ].* $/.test(content) ? content.slice(1, -1) : content));
  return close + ticks.length;
}

function addMark(text, index, mark, stack) {
  const before = text[index - 1];
  const after = text[index + mark.length];
  const inWord = mark.startsWith('_') && isWord(before) && isWord(after);
  const open = stack.findLastIndex((one) => one.mark === mark);
  if (open > 0 && before && !/\s/.test(before) && !inWord && stack.at(-1).nodes.length + stack.length - 1 - open > 0) {
    while (stack.length - 1 > open) unwrap(stack);
    const closed = stack.pop();
    stack.at(-1).nodes.push(element(wrappers[mark], {}, ...closed.nodes));
  } else if (after && !/\s/.test(after) && !inWord && open < 0 && stack.length <= kDeepest && !(mark.startsWith('_') && isWord(before))) {
    stack.push({mark, nodes: []});
  } else {
    stack.at(-1).nodes.push(mark);
  }
}

function unwrap(stack) {
  const open = stack.pop();
  stack.at(-1).nodes.push(open.mark, ...open.nodes);
}

function linkNode(target, label) {
  if (!/^(https?:\/\/|mailto:)/i.test(target)) return null;
  return element('a', {href: target, target: '_blank', rel: 'noopener noreferrer nofollow'}, label);
}

// Draws `text` into `container`, keeping the nodes of blocks that did not change since the last call.
export function renderMarkdown(container, text) {
  const blocks = blocksOf(text.replace(/\r\n?/g, '\n').replace(/\t/g, '    ').split('\n'));
  const old = container.hearthSources || [];
  const sources = blocks.map((block) => block.lines.join('\n'));
  let same = 0;
  while (same < sources.length && sources[same] === old[same]) ++same;
  while (container.childNodes.length > same) container.lastChild.remove();
  for (const block of blocks.slice(same)) container.append(blockNode(block, 0));
  container.hearthSources = sources;
}
