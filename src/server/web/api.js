// The server's HTTP interface, as the page uses it. The session is a cookie that no script sees; the key that it
// was exchanged for is kept nowhere.

export class ApiError extends Error {
  // `code` chooses the hint: the server's own code, or "network" or "broken".
  constructor(message, code, requestId = '') {
    super(message);
    this.code = code;
    this.requestId = requestId;
  }
}

let session = null;  // what GET /session said last; its csrf_token goes with what changes something
let askForKey = null;
let renewing = null;

const subjectOf = ({tenant, key_id}) => `${tenant}/${key_id}`;
const quietly = (path) => send(path, {cache: 'no-store'});

// `ask(signIn)` gives the promise of a session: of what signIn(key) gives, null for a key that is not taken.
export function whenKeyNeeded(ask) {
  askForKey = ask;
}

async function send(path, options) {
  const changes = (options.method ?? 'GET') !== 'GET' && session?.csrf_token;
  const headers = changes ? {...options.headers, 'X-CSRF-Token': session.csrf_token} : options.headers;
  try {
    return await fetch(path, {...options, headers});
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(String(error.message || error), 'network');
  }
}

async function problemOf(response) {
  const requestId = response.headers.get('x-request-id') || '';
  let problem = {};
  try {
    problem = (await response.json()).error;
  } catch {
    // Not our server's shape: the status must do.
  }
  return new ApiError(problem.message || `HTTP ${response.status}`, problem.code || '', requestId);
}

async function signIn(key) {
  // Only such characters can stand in a header.
  const response = /^[\x21-\x7e]+$/.test(key)
    ? await send('/session', {method: 'POST', headers: {Authorization: `Bearer ${key}`}}) : {status: 401};
  if (response.status === 401) return null;
  if (!response.ok) throw await problemOf(response);
  return response.json();
}

async function findSession() {
  const response = await quietly('/session');
  if (response.status === 401) return askForKey(signIn);
  if (!response.ok) throw await problemOf(response);
  return response.json();
}

// Whose session it is. All who wait for one wait for the same; what another reader kept is not shown to this one.
export async function openSession() {
  renewing ??= findSession().finally(() => renewing = null);
  const found = await renewing;
  if (session && subjectOf(session) !== subjectOf(found)) location.reload();
  session = found;
  return session;
}

export async function signOut() {
  const response = await send('/session', {method: 'DELETE'});
  if (!response.ok && response.status !== 401) throw await problemOf(response);  // 401: it was over
}

async function request(path, options = {}) {
  let response;
  for (let tries = 0; tries < 3; ++tries) {
    response = await send(path, options);
    if (response.status !== 401 || !askForKey) break;
    await openSession();
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

// {data: [{id, state, progress?, size_bytes, context_tokens?, running?, waiting?, error?}], default}
export async function listModels() {
  return (await request('/v1/models', {cache: 'no-store'})).json();
}

// The server's figures, see live.js. Not served to everybody: 404.
export async function getStatus() {
  return (await request('/api/status', {cache: 'no-store'})).json();
}

// {models: [{name, recommended, size_bytes, ...}], download: null or {model, running, phase, bytes_done, bytes_total,
// error}}. For administrators: 403.
export async function getDownloads() {
  return (await request('/admin/downloads', {cache: 'no-store'})).json();
}

export async function startDownload(name) {
  return (await request(`/admin/downloads/${encodeURIComponent(name)}`, {method: 'POST'})).json();
}

export async function stopDownload() {
  return (await request('/admin/downloads', {method: 'DELETE'})).json();
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

// Yields {thought}, {text}, {finish} and {usage, timings} as they come. An answer that breaks off is an ApiError.
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
      if (choice?.delta.reasoning_content) yield {thought: choice.delta.reasoning_content};
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
