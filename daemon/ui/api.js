// kmuxd's API, with whatever credentials there are: a token, or the Hub's cookie.

const KEY = 'kmux-token';

/** The token in the page's address is kept for this tab and taken out of the address. */
export function takeToken() {
  const address = new URL(location.href);
  const given = address.searchParams.get('token');
  if (!given) return;
  sessionStorage.setItem(KEY, given);
  address.searchParams.delete('token');
  history.replaceState(null, '', address);
}

export const setToken = token => sessionStorage.setItem(KEY, token);

function headers() {
  const token = sessionStorage.getItem(KEY);
  if (token) return { Authorization: `token ${token}` };
  const xsrf = document.cookie.split('; ').find(each => each.startsWith('_xsrf='));
  return xsrf ? { 'X-XSRFToken': xsrf.slice(6) } : {};
}

export class Refused extends Error {
  constructor(status, message) { super(message); this.status = status; }
}

/** → the response; throws Refused with what the server says. */
export async function ask(path, options = {}) {
  const response = await fetch(path, { ...options, headers: { ...headers(), ...options.headers }, cache: 'no-store' });
  if (response.ok || response.status === 304) return response;
  const body = await response.json().catch(() => ({}));
  throw new Refused(response.status, body.message || `kmuxd answered with status ${response.status}.`);
}

/** → a function that gets JSON, or null where it is the same as before. */
export function watcher(path) {
  let etag = '';
  return async () => {
    const response = await ask(path, { headers: etag ? { 'If-None-Match': etag } : {} });
    if (response.status === 304) return null;
    etag = response.headers.get('ETag') || '';
    return response.json();
  };
}

/** Calls take(object) for each line of JSON of an answer that goes on, until it ends or is aborted. */
export async function lines(path, signal, take) {
  const response = await ask(path, { signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split('\n');
    rest = parts.pop();
    for (const each of parts) if (each) take(JSON.parse(each));
  }
}
