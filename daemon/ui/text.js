// Pure: text and times as the page shows them.

/** "512 K", "1.5 M": bytes. */
export function bytes(n) {
  if (!(n >= 0)) return '';
  for (const unit of ['', 'K', 'M', 'G', 'T']) {
    if (n < 1024 || unit === 'T') return `${n < 10 && unit ? n.toFixed(1) : Math.round(n)} ${unit}`.trim();
    n /= 1024;
  }
}

/** "12 s", "5 m", "3 h", "4 d" since an ISO time. */
export function age(iso, now = Date.now()) {
  const seconds = Math.max(0, (now - Date.parse(iso)) / 1000);
  if (!(seconds >= 0)) return '';
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} m`;
  if (seconds < 360000) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

/** "3.2 ms", "1.5 s". */
export function span(ms) {
  if (!(ms >= 0)) return '';
  return ms < 1000 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(ms < 10000 ? 1 : 0)} s`;
}

const styles = { 1: 'bold', 2: 'faint', 3: 'italic', 4: 'underline' };

/** Text with ANSI colours (ECMA-48, SGR) as pieces of {text, classes}; other sequences are dropped. */
export function ansi(text) {
  const pieces = [];
  let on = new Set(), color = '';
  // eslint-disable-next-line no-control-regex
  for (const part of text.split(/(\x1b\[[0-9;?]*[ -/]*[@-~])/)) {
    if (!part.startsWith('\x1b[')) {
      if (part) pieces.push({ text: part, classes: [...on, color].filter(Boolean) });
      continue;
    }
    if (!part.endsWith('m')) continue;
    const codes = part.slice(2, -1).split(';').map(Number);
    for (let i = 0; i < codes.length; ++i) {
      const code = codes[i];
      if (code === 0) { on = new Set(); color = ''; }
      else if (styles[code]) on.add(styles[code]);
      else if (code === 22) { on.delete('bold'); on.delete('faint'); }
      else if (code === 23) on.delete('italic');
      else if (code === 24) on.delete('underline');
      else if (code >= 30 && code <= 37) color = `fg${code - 30}`;
      else if (code >= 90 && code <= 97) color = `fg${code - 82}`;
      else if (code === 39) color = '';
      else if (code === 38 || code === 48) {  // of 256 colours the first sixteen are ours
        if (code === 38 && codes[i + 1] === 5) color = codes[i + 2] < 16 ? `fg${codes[i + 2]}` : '';
        i += codes[i + 1] === 5 ? 2 : 4;
      }
    }
  }
  return pieces;
}
