// Rings that face the camera: the analysed units, the chosen one, those of a concept. One draw call.
import { BufferAttribute, InstancedBufferAttribute, InstancedBufferGeometry, Mesh, ShaderMaterial } from "three";
import type { Point } from "../layout/network";
import { channels, hexOf } from "../scales/color";

export interface Ring {
  at: Point;
  radius: number;
  color: string;
  /** Thickness as a part of the radius. */
  thick: number;
}

const VERTEX = `
  attribute vec3 at;
  attribute vec3 ink;
  attribute vec2 form;
  varying vec2 vPlace;
  varying vec3 vInk;
  varying float vThick;
  void main() {
    vec4 place = modelViewMatrix * vec4(at, 1.0);
    place.xy += position.xy * form.x * 1.15;
    vPlace = position.xy * 1.15;
    vInk = ink;
    vThick = form.y;
    gl_Position = projectionMatrix * place;
  }`;

const FRAGMENT = `
  varying vec2 vPlace;
  varying vec3 vInk;
  varying float vThick;
  void main() {
    float distance = length(vPlace);
    float soft = fwidth(distance) * 1.2;
    float ring = smoothstep(1.0 + soft, 1.0, distance) * smoothstep(1.0 - vThick - soft, 1.0 - vThick, distance);
    if (ring < 0.01) discard;
    gl_FragColor = vec4(vInk, ring);
  }`;

export class Rings {
  readonly mesh: Mesh<InstancedBufferGeometry, ShaderMaterial>;
  private readonly material = new ShaderMaterial({
    vertexShader: VERTEX,
    fragmentShader: FRAGMENT,
    transparent: true,
    depthWrite: false,
    depthTest: false,
  });

  constructor() {
    this.mesh = new Mesh(new InstancedBufferGeometry(), this.material);
    this.mesh.frustumCulled = false;
    this.mesh.renderOrder = 3;
    this.mesh.visible = false;
  }

  set(rings: readonly Ring[]): void {
    const geometry = new InstancedBufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(new Float32Array([-1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 1, 0]), 3));
    geometry.setIndex([0, 1, 2, 0, 2, 3]);
    geometry.instanceCount = rings.length;
    const flat = (values: number[][]) => new Float32Array(values.flat());
    geometry.setAttribute("at", new InstancedBufferAttribute(flat(rings.map((ring) => ring.at)), 3));
    geometry.setAttribute("ink", new InstancedBufferAttribute(flat(rings.map((ring) => channels(ring.color))), 3));
    geometry.setAttribute("form", new InstancedBufferAttribute(flat(rings.map((ring) => [ring.radius, ring.thick])), 2));
    this.mesh.geometry.dispose();
    this.mesh.geometry = geometry;
    this.mesh.visible = rings.length > 0;
  }

  /** The colours of the rings around a point, read from what the graphics card is given. */
  colorsAt(point: Point): string[] {
    if (!this.mesh.visible) return [];
    const of = (name: string) => this.mesh.geometry.getAttribute(name) as InstancedBufferAttribute;
    const [at, ink] = [of("at"), of("ink")];
    const wanted = Float32Array.from(point);
    const found = Array.from({ length: at.count }, (_, i) => i).filter(
      (i) => at.getX(i) === wanted[0] && at.getY(i) === wanted[1] && at.getZ(i) === wanted[2],
    );
    return found.map((i) => hexOf(ink.getX(i), ink.getY(i), ink.getZ(i)));
  }

  dispose(): void {
    this.mesh.geometry.dispose();
    this.material.dispose();
  }
}
