// Building DOM nodes. Text only ever becomes text nodes: nothing here, or elsewhere in the page, parses markup.

export const $ = (id) => document.getElementById(id);

// element('a.link', {href: '/', onclick: f}, 'text', node, ...)
export function element(tagAndClass, properties = {}, ...children) {
  const [tag, ...classes] = tagAndClass.split('.');
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(' ');
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

export function icon(name) {
  const namespace = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(namespace, 'svg');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(namespace, 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

export function setIcon(button, name) {
  button.querySelector('use').setAttribute('href', `#i-${name}`);
}

// Copies, and shows for a moment that it did. Works without the clipboard API too, which browsers withhold
// from pages that come over plain HTTP from another machine.
export async function copyText(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = element('textarea.unseen', {readonly: ''});
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
    button.focus();
  }
  setIcon(button, 'check');
  setTimeout(() => setIcon(button, 'copy'), 1500);
}
