// Pulses of activity that run along connections: a short comet for each, placed by the graphics card. One draw call.
import {
  BufferAttribute,
  DynamicDrawUsage,
  InstancedBufferAttribute,
  InstancedBufferGeometry,
  Mesh,
  ShaderMaterial,
  Vector2,
  Vector4,
} from "three";
import { channels } from "../scales/color";
import type { Pulse } from "./running";

/** How far activity has run within a step, from 0 to 1; "still" shows all pulses at once, at rest; null shows none. */
export type Beat = number | "still" | null;

/** Less than this is not seen. */
const FAINT = 0.2;

const VERTEX = `
  attribute vec3 start;
  attribute vec3 bend;
  attribute vec3 end;
  attribute vec3 ink;
  attribute vec2 when;
  attribute float glow;
  uniform float beat;
  uniform vec2 resolution;
  uniform float ratio;
  varying vec2 vBehind;
  varying float vReach;
  varying float vLength;
  varying vec3 vInk;
  varying float vGlow;
  vec4 seen(float t) {
    t = clamp(t, 0.0, 1.0);
    vec3 place = (1.0 - t) * (1.0 - t) * start + 2.0 * t * (1.0 - t) * bend + t * t * end;
    return projectionMatrix * modelViewMatrix * vec4(place, 1.0);
  }
  void main() {
    float run = beat < 0.0 ? 0.7 : (beat - when.x) / (when.y - when.x);
    vec4 head = seen(run);
    vec4 back = seen(run - 0.42);
    vec2 way = (head.xy / head.w - back.xy / back.w) * resolution * 0.5;
    vLength = length(way);
    vec2 along = vLength > 0.01 ? way / vLength : vec2(1.0, 0.0);
    vReach = (4.5 + 10.0 * glow) * ratio;
    vec4 place = position.x > 0.0 ? head : back;
    vec2 aside = vec2(-along.y, along.x) * position.y + (position.x > 0.0 ? along : -along);
    place.xy += aside * 2.0 * vReach / resolution * place.w;
    bool gone = glow < ${FAINT} || run <= 0.0 || run >= 1.0;
    gl_Position = gone ? vec4(0.0, 0.0, 2.0, 1.0) : place;
    vBehind = vec2(position.x > 0.0 ? -vReach : vLength + vReach, position.y * vReach);
    vInk = ink;
    vGlow = (0.3 + 0.7 * glow) * (beat < 0.0 ? 1.0 : smoothstep(0.0, 0.1, run) * smoothstep(1.0, 0.92, run));
  }`;

const FRAGMENT = `
  uniform vec4 hot;
  varying vec2 vBehind;
  varying float vReach;
  varying float vLength;
  varying vec3 vInk;
  varying float vGlow;
  void main() {
    float far = length(vBehind) / vReach;
    float halo = 0.55 * exp(-5.0 * far * far);
    float core = smoothstep(0.36, 0.22, far);
    float left = clamp(1.0 - vBehind.x / max(vLength, 1.0), 0.0, 1.0) * step(0.0, vBehind.x);
    float aside = abs(vBehind.y) / (vReach * 0.3 * (0.3 + 0.7 * left));
    float tail = 0.85 * left * left * exp(-2.0 * aside * aside);
    float alpha = vGlow * max(core, max(halo, tail));
    if (alpha < 0.01) discard;
    gl_FragColor = vec4(mix(vInk, hot.rgb, hot.a * core), alpha);
  }`;

export class Pulses {
  readonly mesh: Mesh<InstancedBufferGeometry, ShaderMaterial>;
  private readonly uniforms = {
    beat: { value: 0 },
    resolution: { value: new Vector2(1, 1) },
    ratio: { value: 1 },
    hot: { value: new Vector4(1, 1, 1, 1) },
  };
  private pulses: readonly Pulse[] = [];
  private glow = new InstancedBufferAttribute(new Float32Array(0), 1);
  private beat: Beat = null;

  constructor() {
    const material = new ShaderMaterial({
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      uniforms: this.uniforms,
      transparent: true,
      depthWrite: false,
    });
    this.mesh = new Mesh(new InstancedBufferGeometry(), material);
    this.mesh.frustumCulled = false;
    this.mesh.renderOrder = 4;
    this.mesh.visible = false;
  }

  set(pulses: readonly Pulse[]): void {
    this.pulses = pulses;
    const geometry = new InstancedBufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(new Float32Array([0, -1, 0, 1, -1, 0, 1, 1, 0, 0, 1, 0]), 3));
    geometry.setIndex([0, 1, 2, 0, 2, 3]);
    geometry.instanceCount = pulses.length;
    const put = (name: string, size: number, of: (pulse: Pulse) => number[]) =>
      geometry.setAttribute(name, new InstancedBufferAttribute(new Float32Array(pulses.flatMap(of)), size));
    put("start", 3, ({ from }) => from);
    put("bend", 3, ({ bend }) => bend);
    put("end", 3, ({ to }) => to);
    put("ink", 3, ({ color }) => channels(color));
    put("when", 2, ({ leaves, arrives }) => [leaves, arrives]);
    this.glow = new InstancedBufferAttribute(new Float32Array(pulses.length), 1);
    this.glow.setUsage(DynamicDrawUsage);
    geometry.setAttribute("glow", this.glow);
    this.mesh.geometry.dispose();
    this.mesh.geometry = geometry;
    this.run(this.beat);
  }

  /** Makes each pulse as bright as its neurons are active and its weight is large. */
  light(activityOf: (neuron: number) => number): void {
    const values = this.glow.array as Float32Array;
    this.pulses.forEach(({ part, sources }, at) => {
      const activity = sources.length ? sources.reduce((sum, place) => sum + activityOf(place), 0) / sources.length : 0.5;
      values[at] = Math.sqrt(part * activity);
    });
    this.glow.needsUpdate = true;
  }

  /** Shows the pulses where they are at a moment of the step. */
  run(beat: Beat): void {
    this.beat = beat;
    this.uniforms.beat.value = beat === "still" ? -1 : (beat ?? 0);
    this.mesh.visible = beat !== null && this.pulses.length > 0;
  }

  /** How many pulses are drawn now. */
  get shown(): number {
    const { beat } = this;
    if (beat === null) return 0;
    const isOnItsWay = ({ leaves, arrives }: Pulse) => beat === "still" || (leaves < beat && beat < arrives);
    return this.pulses.filter((pulse, at) => this.glow.getX(at) >= FAINT && isOnItsWay(pulse)).length;
  }

  /** The colour in the middle of a pulse, and how much of it there is. */
  color(ink: string, much: number): void {
    this.uniforms.hot.value.set(...channels(ink), much);
  }

  resize(width: number, height: number, ratio: number): void {
    this.uniforms.resolution.value.set(width * ratio, height * ratio);
    this.uniforms.ratio.value = ratio;
  }

  dispose(): void {
    this.mesh.geometry.dispose();
    this.mesh.material.dispose();
  }
}
