// A film of a training: the network of each epoch, one after the other, and the curve of Φ below it.
import type { Context } from "../panels/panel";
import { momentAt, STEP_MS, wantsRest } from "../parts/moment";
import type { Stage } from "../parts/stage";
import { category } from "../scales/color";
import { curves, epochsOf, kindsOf } from "../scales/curve";
import { formalismName, symbolOf } from "../scales/formalism";
import { epochName, phiText } from "../scales/format";
import { ofKind } from "../scales/kind";
import { sceneCanvas } from "./scene";
import { withDuration } from "./webm";

const SIZE = { width: 1280, height: 720 };
const STRIP = { left: 40, right: 1240, top: 590, bottom: 690 };
/** Of a long training so many epochs are shown, at even distances. */
const MOST = 200;
/** How long an epoch is seen, in milliseconds; of a short training longer. */
const [SHORTEST, LONGEST, WHOLE] = [80, 600, 12_000];
const TYPES = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm"];

export const typeOfFilm = (): string | undefined =>
  typeof MediaRecorder === "undefined" ? undefined : TYPES.find((type) => MediaRecorder.isTypeSupported(type));

/** The epochs of a film: the first and the last, and those between them at even distances. */
export function filmed(epochs: readonly number[], most: number = MOST): number[] {
  if (epochs.length <= most) return [...epochs];
  return Array.from({ length: most }, (_, at) => epochs[Math.round((at * (epochs.length - 1)) / (most - 1))] as number);
}

/** Plays the epochs and the activity in them, and records both; afterwards the page shows what it showed before. */
export async function film(
  context: Context,
  stages: readonly Stage[],
  told: (part: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const { store, controller } = context;
  const { a, b, epoch: before, follow, theme, step, beat } = store.state;
  const canvas = document.createElement("canvas");
  Object.assign(canvas, SIZE);
  const paint = canvas.getContext("2d");
  if (!paint) throw new Error("The browser draws no pictures.");
  const epochs = filmed(epochsOf(a?.index, b?.index));
  const hold = Math.min(LONGEST, Math.max(SHORTEST, WHOLE / epochs.length));
  const recorder = new MediaRecorder(canvas.captureStream(30), { mimeType: typeOfFilm() ?? "", videoBitsPerSecond: 6e6 });
  const glides = !wantsRest();
  const parts: Blob[] = [];
  recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
  const ended = new Promise((resolve) => recorder.addEventListener("stop", resolve));
  let began = 0;
  let lasted = 0;
  const play = () => {
    const many = (store.state.a?.network ?? store.state.b?.network)?.steps.length ?? 0;
    if (many > 1) store.set(momentAt((performance.now() - began) / STEP_MS, many, glides));
    draw(paint, sceneCanvas(stages, { theme, ratio: 2 }), context);
  };
  store.set({ playing: false });
  try {
    for (const [at, epoch] of epochs.entries()) {
      if (signal.aborted) break;
      await controller.goTo(epoch);
      await frames(2);
      if (recorder.state === "inactive") {
        began = performance.now();
        play();
        recorder.start();
      }
      const until = performance.now() + hold;
      do {
        play();
        await frames(1);
      } while (performance.now() < until);
      told((at + 1) / epochs.length);
    }
  } finally {
    lasted = performance.now() - began;
    if (recorder.state !== "inactive") recorder.stop();
    if (before !== null) await controller.goTo(before);
    controller.follow(follow);
    store.set({ step, beat });
  }
  await ended;
  const film = new Uint8Array(await new Blob(parts).arrayBuffer());
  return new Blob([withDuration(film, lasted / 1000) as Uint8Array<ArrayBuffer>], { type: "video/webm" });
}

async function frames(many: number): Promise<void> {
  for (let at = 0; at < many; at++) await new Promise((resolve) => requestAnimationFrame(resolve));
}

function draw(paint: CanvasRenderingContext2D, picture: HTMLCanvasElement, { store }: Context): void {
  const { a, epoch, layer, formalism, theme } = store.state;
  const [ground, ink, muted, accent] =
    theme === "dark" ? ["#161b23", "#e7ebf1", "#97a3b4", "#a99bff"] : ["#ffffff", "#19212e", "#5a6678", "#5b4bd6"];
  paint.fillStyle = ground;
  paint.fillRect(0, 0, SIZE.width, SIZE.height);
  const room = { width: SIZE.width, height: 510 };
  const part = Math.min(room.width / picture.width, room.height / picture.height);
  const [width, height] = [picture.width * part, picture.height * part];
  if (picture.width) paint.drawImage(picture, (room.width - width) / 2, 56 + (room.height - height) / 2, width, height);
  if (!a?.index || epoch === null) return;
  const curve = curves(a.index, epochsOf(a.index)).find((one) => one.layer === layer);
  const value = curve?.line[curve.epochs.indexOf(epoch)] ?? null;
  const words = (text: string, x: number, y: number, font: string, color: string, align: CanvasTextAlign = "left") => {
    paint.font = `${font} Helvetica, Arial, "Liberation Sans", sans-serif`;
    paint.fillStyle = color;
    paint.textAlign = align;
    paint.fillText(text, x, y);
  };
  words(epochName(epoch), 40, 44, "600 28px", ink);
  words(`${symbolOf(formalism)} ${phiText(value)}`, 260, 44, "600 28px", accent);
  words(
    `${a.run.name} · ${layer} · ${formalismName(formalism)}${ofKind(kindsOf(a.index).get(layer ?? ""))}`,
    SIZE.width - 40,
    42,
    "18px",
    muted,
    "right",
  );
  if (!curve) return;
  const all = curve.line.filter((one) => one !== null);
  const [first, last, most] = [curve.epochs[0] ?? 0, curve.epochs.at(-1) ?? 1, Math.max(1e-6, ...all)];
  const x = (at: number) => STRIP.left + ((at - first) / Math.max(1, last - first)) * (STRIP.right - STRIP.left);
  const y = (at: number) => STRIP.bottom - (at / most) * (STRIP.bottom - STRIP.top);
  paint.strokeStyle = muted;
  paint.lineWidth = 1;
  paint.strokeRect(STRIP.left, STRIP.bottom, STRIP.right - STRIP.left, 0);
  paint.strokeStyle = category(0);
  paint.lineWidth = 2.5;
  paint.beginPath();
  let isOpen = false;
  curve.line.forEach((one, at) => {
    const place: [number, number] | null = one === null ? null : [x(curve.epochs[at] as number), y(one)];
    if (place && isOpen) paint.lineTo(...place);
    else if (place) paint.moveTo(...place);
    isOpen = place !== null;
  });
  paint.stroke();
  if (value === null) return;
  paint.fillStyle = accent;
  paint.beginPath();
  paint.arc(x(epoch), y(value), 7, 0, 2 * Math.PI);
  paint.fill();
}
