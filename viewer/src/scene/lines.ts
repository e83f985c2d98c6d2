// All connections in one draw call: a quad for each segment, as many pixels wide as its weight is large.
import {
  BufferAttribute,
  DynamicDrawUsage,
  InstancedBufferAttribute,
  InstancedBufferGeometry,
  Mesh,
  ShaderMaterial,
  Vector2,
} from "three";
import type { Point } from "../layout/network";
import { channels, hexOf } from "../scales/color";

export interface Segment {
  from: Point;
  to: Point;
  width: number;
  color: string;
}

const VERTEX = `
  attribute vec3 start;
  attribute vec3 end;
  attribute vec3 ink;
  attribute float thick;
  attribute float opacity;
  uniform vec2 resolution;
  uniform float ratio;
  uniform float strength;
  varying vec4 vInk;
  varying float vSide;
  void main() {
    vec4 a = projectionMatrix * modelViewMatrix * vec4(start, 1.0);
    vec4 b = projectionMatrix * modelViewMatrix * vec4(end, 1.0);
    vec2 along = b.xy / b.w * resolution - a.xy / a.w * resolution;
    vec2 across = length(along) > 1e-4 ? normalize(vec2(-along.y, along.x)) : vec2(0.0, 1.0);
    float pixels = max(thick * ratio, 1.0);
    vec4 place = mix(a, b, position.x);
    place.xy += across * position.y * (pixels + 1.0) / resolution * place.w;
    gl_Position = place;
    vSide = position.y * (pixels + 1.0);
    vInk = vec4(ink, opacity * strength * min(1.0, thick * ratio));
  }`;

const FRAGMENT = `
  varying vec4 vInk;
  varying float vSide;
  void main() {
    if (vInk.a < 0.004) discard;
    gl_FragColor = vInk;
  }`;

export class Lines {
  readonly mesh: Mesh<InstancedBufferGeometry, ShaderMaterial>;
  private readonly material = new ShaderMaterial({
    vertexShader: VERTEX,
    fragmentShader: FRAGMENT,
    uniforms: { resolution: { value: new Vector2(1, 1) }, ratio: { value: 1 }, strength: { value: 1 } },
    transparent: true,
    depthWrite: false,
  });
  private opacity = new InstancedBufferAttribute(new Float32Array(0), 1);

  constructor() {
    this.mesh = new Mesh(new InstancedBufferGeometry(), this.material);
    this.mesh.frustumCulled = false;
    this.mesh.renderOrder = 1;
  }

  set(segments: readonly Segment[]): void {
    const count = segments.length;
    const start = new Float32Array(count * 3);
    const end = new Float32Array(count * 3);
    const ink = new Float32Array(count * 3);
    const thick = new Float32Array(count);
    segments.forEach((segment, at) => {
      start.set(segment.from, at * 3);
      end.set(segment.to, at * 3);
      ink.set(channels(segment.color), at * 3);
      thick[at] = segment.width;
    });
    const geometry = new InstancedBufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(new Float32Array([0, -1, 0, 1, -1, 0, 1, 1, 0, 0, 1, 0]), 3));
    geometry.setIndex([0, 1, 2, 0, 2, 3]);
    geometry.instanceCount = count;
    geometry.setAttribute("start", new InstancedBufferAttribute(start, 3));
    geometry.setAttribute("end", new InstancedBufferAttribute(end, 3));
    geometry.setAttribute("ink", new InstancedBufferAttribute(ink, 3));
    geometry.setAttribute("thick", new InstancedBufferAttribute(thick, 1));
    this.opacity = new InstancedBufferAttribute(new Float32Array(count), 1);
    this.opacity.setUsage(DynamicDrawUsage);
    geometry.setAttribute("opacity", this.opacity);
    this.mesh.geometry.dispose();
    this.mesh.geometry = geometry;
    this.mesh.visible = count > 0;
  }

  fade(opacityOf: (segment: number) => number): void {
    const values = this.opacity.array as Float32Array;
    for (let at = 0; at < values.length; at++) values[at] = opacityOf(at);
    this.opacity.needsUpdate = true;
  }

  /** Makes all segments fainter by a factor. */
  dim(strength: number): void {
    (this.material.uniforms.strength as { value: number }).value = strength;
  }

  /** How a segment is drawn, read from what the graphics card is given. */
  drawn(segment: number): { width: number; color: string } {
    const of = (name: string) => this.mesh.geometry.getAttribute(name) as InstancedBufferAttribute;
    const ink = of("ink");
    return { width: of("thick").getX(segment), color: hexOf(ink.getX(segment), ink.getY(segment), ink.getZ(segment)) };
  }

  resize(width: number, height: number, ratio: number): void {
    (this.material.uniforms.resolution as { value: Vector2 }).value.set(width * ratio, height * ratio);
    (this.material.uniforms.ratio as { value: number }).value = ratio;
  }

  dispose(): void {
    this.mesh.geometry.dispose();
    this.material.dispose();
  }
}
