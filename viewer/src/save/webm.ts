// A film that a browser recorded says nothing of its length; players need it to move about in it. It is written into the file here.

const SEGMENT = 0x18538067;
const INFO = 0x1549a966;
const DURATION = 0x4489;
const EBML = 0x1a45dfa3;

interface Element {
  id: number;
  /** Where its content begins. */
  from: number;
  /** How long its content is; null where the file does not say. */
  size: number | null;
}

/** The film with its length in seconds; unchanged where it has one, or is built in another way. */
export function withDuration(film: Uint8Array, seconds: number): Uint8Array {
  const head = elementAt(film, 0);
  if (head?.id !== EBML || head.size === null) return film;
  const segment = elementAt(film, head.from + head.size);
  if (segment?.id !== SEGMENT || segment.size !== null) return film;
  for (let at = segment.from; at < film.length; ) {
    const element = elementAt(film, at);
    if (!element || element.size === null) return film;
    const end = element.from + element.size;
    if (element.id !== INFO) {
      at = end;
      continue;
    }
    const content = film.subarray(element.from, end);
    if (holds(content, DURATION)) return film;
    return joined(film.subarray(0, at), info(content, seconds), film.subarray(end));
  }
  return film;
}

function info(content: Uint8Array, seconds: number): Uint8Array {
  const duration = new Uint8Array(11);
  duration.set([DURATION >> 8, DURATION & 255, 0x88]);
  new DataView(duration.buffer).setFloat64(3, seconds * 1000); // in the file's own unit, a thousandth of a second
  const head = new Uint8Array(12);
  const view = new DataView(head.buffer);
  view.setUint32(0, INFO);
  view.setUint32(4, 0x01000000); // a length of eight bytes
  view.setUint32(8, content.length + duration.length);
  return joined(head, content, duration);
}

function holds(content: Uint8Array, id: number): boolean {
  for (let at = 0; at < content.length; ) {
    const element = elementAt(content, at);
    if (!element || element.size === null) return false;
    if (element.id === id) return true;
    at = element.from + element.size;
  }
  return false;
}

function elementAt(bytes: Uint8Array, at: number): Element | null {
  const idLength = lengthOf(bytes[at]);
  const sizeLength = lengthOf(bytes[at + idLength]);
  if (!idLength || !sizeLength || at + idLength + sizeLength > bytes.length) return null;
  const number = (from: number, length: number) => bytes.subarray(from, from + length).reduce((sum, byte) => sum * 256 + byte, 0);
  const mark = 2 ** (7 * sizeLength);
  const size = number(at + idLength, sizeLength) - mark;
  return { id: number(at, idLength), from: at + idLength + sizeLength, size: size >= mark - 1 ? null : size };
}

/** How many bytes a number takes whose first byte is this; 0 where there is none. */
const lengthOf = (byte: number | undefined): number => (byte ? Math.clz32(byte) - 23 : 0);

function joined(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
