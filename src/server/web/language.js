// The interface in English and Chinese. Elements marked data-i18n, data-i18n-label and data-i18n-placeholder are
// filled from here; t() serves the rest.

const texts = {
  en: {
    skip: 'Skip to the question',
    conversations: 'Conversations',
    close: 'Close',
    newChat: 'New chat',
    remove: 'Delete',
    model: 'Model',
    settings: 'Settings',
    temperature: 'Temperature',
    precise: 'Precise',
    inventive: 'Inventive',
    length: 'Longest answer',
    short: 'Short',
    long: 'Long',
    unlimited: 'no limit',
    tokens: '{n} tokens',
    system: 'System prompt',
    systemExample: 'How the model should behave, e.g. “Answer briefly, with an example.”',
    welcome: 'Ask away. It stays here.',
    welcomeMore: 'The model answers from your own Hearth server. No question and no answer leaves it.',
    ideas: [
      'Write one sentence about rivers.',
      'Explain what a hash table is, to a curious ten-year-old.',
      'Draft a short, friendly note that moves our meeting to Friday.',
      'Write a Python function that finds the median of a list.',
    ],
    noModel: 'No model yet',
    noModelMore: 'Fetch one on the machine that Hearth runs on:',
    noModelWait: 'This page will notice when it is there.',
    question: 'Ask something',
    send: 'Send',
    stop: 'Stop',
    toEnd: 'To the newest message',
    note: 'A model can be wrong. Check what matters.',
    copy: 'Copy',
    copyCode: 'Copy',
    again: 'Try again',
    thinking: 'Thinking',
    loadingModel: 'Loading {model}',
    loading: 'loading… {percent}%',
    failed: 'could not be loaded',
    unreachable: 'server not reachable',
    figures: '{tokens} tokens · {speed} tokens/s',
    cutByLength: 'ended at the length limit',
    stopped: 'stopped',
    answering: 'Answering',
    answered: 'Answer: {text}',
    you: 'You',
    assistant: 'Answer',
    untitled: 'New chat',
    theme_auto: 'Automatic',
    theme_light: 'Light',
    theme_dark: 'Dark',
    themeLabel: 'Appearance: {theme}',
    otherLanguage: '中文',
    errorTitle: 'That did not work.',
    hint_network: 'Is the server still running? Start it with “hearth serve”, then try again.',
    hint_broken: 'The connection ended before the answer did. Try again.',
    hint_context_length_exceeded: 'Start a new chat, shorten the question, or run the server with a larger --context.',
    hint_overloaded: 'The server is busy. Wait a moment, then try again.',
    hint_model_not_found: 'Choose another model above, or fetch this one with “hearth pull”.',
    hint_storage: 'Your browser has no room left to keep conversations; the oldest were let go.',
    hint_other: 'Try again. If it stays, the server’s log says more: look for {id}.',
  },
  zh: {
    skip: '跳到输入框',
    conversations: '对话',
    close: '关闭',
    newChat: '新对话',
    remove: '删除',
    model: '模型',
    settings: '设置',
    temperature: '温度',
    precise: '严谨',
    inventive: '发散',
    length: '回答长度上限',
    short: '短',
    long: '长',
    unlimited: '不限',
    tokens: '{n} 个词元',
    system: '系统提示词',
    systemExample: '希望模型怎样回答，例如：“回答要简短，并举一个例子。”',
    welcome: '尽管问，话不出门。',
    welcomeMore: '回答来自您自己的 Hearth 服务器，问题和答案都不会离开它。',
    ideas: ['用一句话描写河流。', '给好奇的十岁孩子讲讲什么是哈希表。', '写一则简短友好的通知，把会议改到周五。', '写一个求列表中位数的 Python 函数。'],
    noModel: '还没有模型',
    noModelMore: '请在运行 Hearth 的机器上获取一个：',
    noModelWait: '模型就绪后，本页会自动发现。',
    question: '问点什么',
    send: '发送',
    stop: '停止',
    toEnd: '回到最新消息',
    note: '模型可能出错，重要内容请核对。',
    copy: '复制',
    copyCode: '复制',
    again: '重试',
    thinking: '思考中',
    loadingModel: '正在加载 {model}',
    loading: '加载中… {percent}%',
    failed: '加载失败',
    unreachable: '无法连接服务器',
    figures: '{tokens} 个词元 · 每秒 {speed} 个',
    cutByLength: '已到长度上限',
    stopped: '已停止',
    answering: '正在回答',
    answered: '回答：{text}',
    you: '您',
    assistant: '回答',
    untitled: '新对话',
    theme_auto: '跟随系统',
    theme_light: '浅色',
    theme_dark: '深色',
    themeLabel: '外观：{theme}',
    otherLanguage: 'English',
    errorTitle: '没有成功。',
    hint_network: '服务器还在运行吗？用 “hearth serve” 启动后再试。',
    hint_broken: '回答还没结束，连接就断开了。请重试。',
    hint_context_length_exceeded: '请开始新对话、缩短问题，或用更大的 --context 启动服务器。',
    hint_overloaded: '服务器正忙，请稍后再试。',
    hint_model_not_found: '请在上方选择其他模型，或用 “hearth pull” 获取它。',
    hint_storage: '浏览器已没有空间保存对话，最旧的几条已被移除。',
    hint_other: '请重试。如仍失败，服务器日志里有详情：查找 {id}。',
  },
};

let current = 'en';

export function t(key, values = {}) {
  const text = texts[current][key] ?? key;
  return typeof text === 'string' ? text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole) : text;
}

export const has = (key) => key in texts[current];

export function language() {
  return current;
}

export function setLanguage(name) {
  current = name in texts ? name : (navigator.language || '').toLowerCase().startsWith('zh') ? 'zh' : 'en';
  document.documentElement.lang = current === 'zh' ? 'zh-CN' : 'en';
  for (const node of document.querySelectorAll('[data-i18n]')) node.textContent = t(node.dataset.i18n);
  for (const node of document.querySelectorAll('[data-i18n-placeholder]'))
    node.setAttribute('placeholder', t(node.dataset.i18nPlaceholder));
  for (const node of document.querySelectorAll('[data-i18n-label]')) {
    node.setAttribute('aria-label', t(node.dataset.i18nLabel));
    if (node.tagName === 'BUTTON') node.setAttribute('title', t(node.dataset.i18nLabel));
  }
}
