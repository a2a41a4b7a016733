// A number whose SHA-256 together with the form's token begins with so many zero bits. Written out, since the browser's
// own SHA-256 is missing on sites without https and is slow for very many short texts.

const K = new Uint32Array(64);
const START = new Uint32Array(8);
{
  let found = 0;
  for (let n = 2; found < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) { prime = false; break; }
    if (!prime) continue;
    const fraction = (root: number): number => ((root - Math.floor(root)) * 0x100000000) >>> 0;
    if (found < 8) START[found] = fraction(Math.sqrt(n));
    K[found++] = fraction(Math.cbrt(n));
  }
}

const words = new Uint32Array(64);

/** The first 32 bits of the hash, which are more than are ever asked for. */
function head(text: Uint8Array): number {
  const length = text.length;
  const padded = new Uint8Array(((length + 8) >> 6 << 6) + 64);
  padded.set(text);
  padded[length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 4, length * 8);
  const state = START.slice();
  for (let at = 0; at < padded.length; at += 64) block(view, at, state);
  return state[0] ?? 0;
}

function block(view: DataView, at: number, state: Uint32Array): void {
  for (let i = 0; i < 16; i++) words[i] = view.getUint32(at + i * 4);
  for (let i = 16; i < 64; i++) {
    const x = words[i - 15]!, y = words[i - 2]!;
    const small = (x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3;
    const large = (y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10;
    words[i] = words[i - 16]! + small + words[i - 7]! + large;
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
  for (let i = 0; i < 64; i++) {
    const one = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7);
    const first = (h + one + (e & f ^ ~e & g) + K[i]! + words[i]!) | 0;
    const two = (a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10);
    const second = (two + (a & b ^ a & c ^ b & c)) | 0;
    h = g; g = f; f = e; e = (d + first) | 0; d = c; c = b; b = a; a = (first + second) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((value, i) => { state[i] = state[i]! + value; });
}

self.addEventListener("message", ({ data }: MessageEvent<{ token: string; bits: number }>) => {
  const encoder = new TextEncoder();
  for (let work = 0; ; work++) {
    if (head(encoder.encode(`${data.token}:${work}`)) >>> (32 - data.bits) === 0 || data.bits === 0) {
      self.postMessage({ work: String(work) });
      return;
    }
  }
});
