// The server's HTTP interface, as the page uses it.

export class ApiError extends Error {
  // `code` chooses the hint: the server's own code, or "network" or "broken".
  constructor(message, code, requestId = '') {
    super(message);
    this.code = code;
    this.requestId = requestId;
  }
}

let key = '';  // in memory alone
let askForKey = null;

// `ask(wasRefused)` gives the promise of a key, the same one to all who wait for it.
export function whenKeyNeeded(ask) {
  askForKey = ask;
}

async function send(path, options) {
  const headers = key ? {...options.headers, Authorization: `Bearer ${key}`} : options.headers;
  try {
    return await fetch(path, {...options, headers});
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(String(error.message || error), 'network');
  }
}

async function request(path, options = {}) {
  let response;
  for (;;) {
    const sent = key;
    response = await send(path, options);
    if (response.status !== 401 || !askForKey) break;
    if (sent === key) key = await askForKey(sent !== '');  // else another request got a newer one meanwhile
  }
  if (response.ok) return response;
  const requestId = response.headers.get('x-request-id') || '';
  let problem = {};
  try {
    problem = (await response.json()).error;
  } catch {
    // Not our server's shape: the status must do.
  }
  throw new ApiError(problem.message || `HTTP ${response.status}`, problem.code || '', requestId);
}

// {data: [{id, state, progress?, size_bytes, context_tokens?, error?}], default}
export async function listModels() {
  return (await request('/v1/models', {cache: 'no-store'})).json();
}

// The server's figures, see live.js. Not served to everybody: 404.
export async function getStatus() {
  return (await request('/api/status', {cache: 'no-store'})).json();
}

// The events of a text/event-stream, each its data as a string.
async function* events(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const {done, value} = await reader.read();
    if (done) return;
    rest += decoder.decode(value, {stream: true});
    const pieces = rest.split('\n\n');
    rest = pieces.pop();
    for (const piece of pieces) if (piece.startsWith('data: ')) yield piece.slice(6);
  }
}

// Yields {text}, {finish} and {usage, timings} as they come. An answer that breaks off is an ApiError.
export async function* streamChat(body, signal) {
  const response = await request('/v1/chat/completions', {
    method: 'POST',
    headers: {'Content-Type': 'application/json'},
    body: JSON.stringify({...body, stream: true, stream_options: {include_usage: true}}),
    signal,
  });
  const requestId = response.headers.get('x-request-id') || '';
  try {
    for await (const data of events(response.body)) {
      if (data === '[DONE]') return;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new ApiError(chunk.error.message, chunk.error.code || '', requestId);
      const choice = chunk.choices[0];
      if (choice?.delta.content) yield {text: choice.delta.content};
      if (choice?.finish_reason) yield {finish: choice.finish_reason};
      if (chunk.usage) yield {usage: chunk.usage, timings: chunk.timings};
    }
  } catch (error) {
    if (error.name === 'AbortError' || error instanceof ApiError) throw error;
    throw new ApiError(String(error.message || error), 'broken', requestId);
  }
  throw new ApiError('', 'broken', requestId);
}
