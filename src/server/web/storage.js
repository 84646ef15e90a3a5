// What this browser keeps: settings of its own, and what belongs to who is signed in, under their name. No key is
// ever among it.

const kMostConversations = 200;

function read(key, fallback) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? fallback;
  } catch {
    return fallback;
  }
}

function write(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;  // kept for as long as the page is open
  }
}

export const settings = {
  language: 'auto',
  theme: 'auto',
  model: '',
  temperature: 0.7,
  length: 4,  // an index into kLengths
  ...read('hearth.settings', {}),
};

export const saveSettings = () => write('hearth.settings', settings);

// --- Of who is signed in -------------------------------------------------------------------------------------

// `presets`: [{name, text}]
export const own = {system: '', presets: [], schema: ''};
let place = 'hearth';
// {id, title, updated, messages: [{role, content, figures?, finish?, json?}]}, newest first.
let conversations = [];

function isConversation(one) {
  return typeof one?.id === 'string' && typeof one.title === 'string' && Array.isArray(one.messages) &&
    one.messages.every((message) => typeof message?.content === 'string');
}

function readConversations() {
  const all = read(`${place}.conversations`, []);
  conversations = Array.isArray(all) ? all.filter(isConversation) : [];
}

export function openStorage(session) {
  place = session.needs_key ? `hearth/${session.tenant}/${session.key_id}` : 'hearth';
  const kept = read(`${place}.own`, {});
  for (const name of ['system', 'schema']) if (typeof kept[name] === 'string') own[name] = kept[name];
  if (Array.isArray(kept.presets)) own.presets = kept.presets.filter((one) => typeof one?.name === 'string' && typeof one.text === 'string');
  readConversations();
}

export const saveOwn = () => write(`${place}.own`, own);

export function wipe() {
  conversations = [];
  for (const name of ['conversations', 'own']) localStorage.removeItem(`${place}.${name}`);
}

export const allConversations = () => conversations;
export const findConversation = (id) => conversations.find((one) => one.id === id);

export function newConversation() {
  return {id: `c${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`, title: '', updated: 0, messages: []};
}

// Puts the conversation first and keeps it. False when older ones had to go for it.
export function saveConversation(conversation) {
  conversation.updated = Date.now();
  conversations = [conversation, ...conversations.filter((one) => one.id !== conversation.id)].slice(0, kMostConversations);
  let whole = true;
  while (!write(`${place}.conversations`, conversations) && conversations.length > 1) {
    conversations.pop();
    whole = false;
  }
  return whole;
}

export function renameConversation(id, title) {
  findConversation(id).title = title;
  write(`${place}.conversations`, conversations);
}

export function removeConversation(id) {
  conversations = conversations.filter((one) => one.id !== id);
  write(`${place}.conversations`, conversations);
}

// Another tab wrote: its conversations count, too; or it signed out.
export function onOtherTab(callback) {
  addEventListener('storage', (event) => {
    if (event.key !== `${place}.conversations`) return;
    if (event.newValue === null) return location.reload();
    readConversations();
    callback();
  });
}
