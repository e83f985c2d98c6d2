// What of a panel can be saved, and as which files.

export interface Figure {
  /** What a person reads in the menu. */
  name: string;
  /** The part of the file's name that says what it is. */
  file: string;
  /** Whether there is anything to save now. */
  there(): boolean;
  /** Of which kind its numbers are; it stands below the picture. Empty where it has none of a record. */
  kind(): string | undefined;
  /** The picture in the style of a paper; also saved as PNG. */
  svg?(): SVGSVGElement;
  csv?(): string;
  json?(): Promise<string>;
  png?(): Promise<Blob>;
  /** A film; `told` hears how far it is, from 0 to 1, and the signal ends it early. */
  webm?(told: (part: number) => void, signal: AbortSignal): Promise<Blob>;
}

export type Form = "svg" | "png" | "csv" | "json" | "webm";

/** The forms that a figure has, pictures first. */
export function formsOf(figure: Figure): Form[] {
  const has: [Form, boolean][] = [
    ["svg", figure.svg !== undefined],
    ["png", figure.svg !== undefined || figure.png !== undefined],
    ["webm", figure.webm !== undefined],
    ["csv", figure.csv !== undefined],
    ["json", figure.json !== undefined],
  ];
  return has.flatMap(([form, there]) => (there ? [form] : []));
}

/** A name that every file system takes. */
export const fileName = (parts: readonly string[], form: Form): string =>
  `${parts.map((part) => part.replaceAll(/[^\p{L}\p{N}._=-]+/gu, "-").replaceAll(/^[-.]+|[-.]+$/g, "")).join("_")}.${form}`;

/** Hands a file to the browser, which puts it where it puts downloads. */
export function save(name: string, content: Blob | string): void {
  const blob = typeof content === "string" ? new Blob([content], { type: "text/plain;charset=utf-8" }) : content;
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
