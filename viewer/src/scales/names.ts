// Names of layers where there is little room: shortened in the middle, and no two of them alike.

/** A name of at most so many letters: of a longer one the beginning and, since names differ there, more of its end. */
export function shortName(name: string, most: number): string {
  if (name.length <= most) return name;
  const end = Math.ceil((most - 1) * 0.6);
  return joined(name.slice(0, most - 1 - end), name.slice(-end));
}

/** What is left of a name before and after what was left out; a dot there would be read as a part of the ellipsis. */
const joined = (...parts: string[]): string =>
  parts.map((part, at) => part.replace(at ? /^\.+/ : "", "").replace(at < parts.length - 1 ? /\.+$/ : "", "")).join("…");

/** Of each of these names a short form; those that would be alike keep the parts in which they differ. */
export function shortNames(names: readonly string[], most = 26): (name: string) => string {
  const alike = new Map<string, string[]>();
  for (const name of new Set(names)) alike.set(shortName(name, most), [...(alike.get(shortName(name, most)) ?? []), name]);
  const short = new Map(
    [...alike].flatMap(([form, of]) =>
      of.map((name): [string, string] => [name, of.length > 1 ? byDifference(name, of, most) : form]),
    ),
  );
  return (name) => short.get(name) ?? shortName(name, most);
}

/** The part in which a name differs from the others, with as much of what is around it as has room. */
function byDifference(name: string, all: readonly string[], most: number): string {
  const parts = all.map((one) => one.split("."));
  const own = name.split(".");
  const shortest = Math.min(...parts.map(({ length }) => length));
  const same = (at: (one: string[]) => string | undefined) => parts.every((one) => at(one) === at(own));
  let before = 0;
  while (before < shortest - 1 && same((one) => one[before])) before++;
  let after = 0;
  while (after < shortest - 1 - before && same((one) => one[one.length - 1 - after])) after++;
  const middle = shortName(own.slice(before, own.length - after).join("."), most - 2);
  const [head, tail] = [own.slice(0, before).join("."), own.slice(own.length - after).join(".")];
  const room = Math.max(0, most - middle.length - 2);
  const end = tail.slice(-Math.floor(room / 2) || tail.length);
  return joined(head.slice(0, Math.max(0, room - end.length)), middle, ...(after ? [end] : []));
}
