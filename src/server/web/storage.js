// Settings and conversations, kept in this browser alone.

const kMostConversations = 200;

function read(key, fallback) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? fallback;
  } catch {
    return fallback;
  }
}

export const settings = {
  language: 'auto',
  theme: 'auto',
  model: '',
  temperature: 0.7,
  length: 4,  // an index into kLengths
  system: '',
  ...read('hearth.settings', {}),
};

export function saveSettings() {
  try {
    localStorage.setItem('hearth.settings', JSON.stringify(settings));
  } catch {
    // Kept for as long as the page is open.
  }
}

// {id, title, updated, messages: [{role, content, figures?, finish?}]}, newest first.
let conversations = read('hearth.conversations', []);
if (!Array.isArray(conversations)) conversations = [];

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
  while (!write() && conversations.length > 1) {
    conversations.pop();
    whole = false;
  }
  return whole;
}

export function removeConversation(id) {
  conversations = conversations.filter((one) => one.id !== id);
  write();
}

function write() {
  try {
    localStorage.setItem('hearth.conversations', JSON.stringify(conversations));
    return true;
  } catch {
    return false;
  }
}

// Another tab wrote: its conversations count, too.
export function onOtherTab(callback) {
  addEventListener('storage', (event) => {
    if (event.key !== 'hearth.conversations') return;
    conversations = read('hearth.conversations', []);
    callback();
  });
}
