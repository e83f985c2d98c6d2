// The neurons: one instanced mesh for each shape, so that a kind of layer is known by its shape.

import type { BufferGeometry } from "three";
import {
  BoxGeometry,
  CylinderGeometry,
  DodecahedronGeometry,
  DynamicDrawUsage,
  InstancedBufferAttribute,
  InstancedMesh,
  Matrix4,
  OctahedronGeometry,
  ShaderMaterial,
  SphereGeometry,
  TetrahedronGeometry,
} from "three";
import type { Shape } from "../layout/kinds";
import { lookOf } from "../layout/kinds";
import type { Point } from "../layout/network";
import { channels, hexOf } from "../scales/color";

export interface Node {
  kind: string;
  at: Point;
  size: number;
}

const SOLIDS: Record<Shape, () => BufferGeometry> = {
  plate: () => new BoxGeometry(0.9, 1.9, 1.9),
  ball: () => new SphereGeometry(1, 20, 14),
  tile: () => new BoxGeometry(0.5, 2.1, 2.1),
  octahedron: () => new OctahedronGeometry(1.25, 0),
  drum: () => new CylinderGeometry(0.85, 0.85, 1.5, 18).rotateZ(Math.PI / 2),
  tetrahedron: () => new TetrahedronGeometry(1.45, 0),
  dodecahedron: () => new DodecahedronGeometry(1.05, 0),
};

/** How light the rim of a unit is on a dark ground. */
const RIM = 0.28;

const VERTEX = `
  attribute vec3 tint;
  varying vec3 vTint;
  varying float vFacing;
  varying float vEdge;
  void main() {
    vec4 place = modelViewMatrix * instanceMatrix * vec4(position, 1.0);
    vec3 outward = normalize(normalMatrix * mat3(instanceMatrix) * normal);
    vFacing = dot(outward, normalize(vec3(0.25, 0.55, 1.0)));
    vEdge = 1.0 - abs(outward.z);
    vTint = tint;
    gl_Position = projectionMatrix * place;
  }`;

const FRAGMENT = `
  varying vec3 vTint;
  varying float vFacing;
  varying float vEdge;
  uniform float rim;
  void main() {
    float light = 0.62 + 0.38 * smoothstep(-0.35, 0.8, vFacing);
    gl_FragColor = vec4(vTint * light + 0.10 * pow(max(vFacing, 0.0), 24.0) + rim * vEdge * vEdge, 1.0);
  }`;

interface Group {
  mesh: InstancedMesh<BufferGeometry, ShaderMaterial>;
  tint: InstancedBufferAttribute;
}

export class Nodes {
  readonly meshes: InstancedMesh[] = [];
  /** Drawn after the connections, whatever lies before what: under a line a colour would mean another activity. */
  private readonly material = new ShaderMaterial({
    vertexShader: VERTEX,
    fragmentShader: FRAGMENT,
    uniforms: { rim: { value: 0 } },
    transparent: true,
  });
  private groups: Group[] = [];
  /** Group and place within it of each node. */
  private slots: [number, number][] = [];
  private nodes: readonly Node[] = [];
  private readonly matrix = new Matrix4();

  set(nodes: readonly Node[]): void {
    this.clear();
    this.nodes = nodes;
    const shapes = [...new Set(nodes.map((node) => lookOf(node.kind).shape))];
    const sizes = shapes.map((shape) => nodes.filter((node) => lookOf(node.kind).shape === shape).length);
    this.groups = shapes.map((shape, at) => this.group(shape, sizes[at] as number));
    const used = shapes.map(() => 0);
    this.slots = nodes.map((node) => {
      const group = shapes.indexOf(lookOf(node.kind).shape);
      const place = used[group] as number;
      used[group] = place + 1;
      return [group, place];
    });
    nodes.forEach((_, at) => this.scale(at, 1));
    this.meshes.push(...this.groups.map((group) => group.mesh));
  }

  /** On a dark ground a light rim: units of low activity are as dark as it. */
  setTheme(theme: "light" | "dark"): void {
    (this.material.uniforms.rim as { value: number }).value = theme === "dark" ? RIM : 0;
  }

  /** Colours and sizes of all nodes. */
  paint(look: (node: number) => { color: string; scale: number }): void {
    this.nodes.forEach((_, at) => {
      const { color, scale } = look(at);
      const [group, place] = this.slots[at] as [number, number];
      (this.groups[group] as Group).tint.set(channels(color), place * 3);
      this.scale(at, scale);
    });
    for (const group of this.groups) {
      group.tint.needsUpdate = true;
      group.mesh.instanceMatrix.needsUpdate = true;
    }
  }

  /** The colour that a node is drawn in, read from what the graphics card is given. */
  colorOf(node: number): string {
    const slot = this.slots[node];
    if (!slot) return "";
    const tint = (this.groups[slot[0]] as Group).tint;
    return hexOf(tint.getX(slot[1]), tint.getY(slot[1]), tint.getZ(slot[1]));
  }

  dispose(): void {
    this.clear();
    this.material.dispose();
  }

  private scale(at: number, by: number): void {
    const node = this.nodes[at] as Node;
    const [group, place] = this.slots[at] as [number, number];
    const size = node.size * by;
    this.matrix.makeScale(size, size, size).setPosition(...node.at);
    (this.groups[group] as Group).mesh.setMatrixAt(place, this.matrix);
  }

  private group(shape: Shape, size: number): Group {
    const geometry = SOLIDS[shape]();
    const tint = new InstancedBufferAttribute(new Float32Array(size * 3).fill(0.5), 3);
    tint.setUsage(DynamicDrawUsage);
    geometry.setAttribute("tint", tint);
    const mesh = new InstancedMesh(geometry, this.material, size);
    mesh.frustumCulled = false;
    mesh.renderOrder = 2;
    return { mesh, tint };
  }

  private clear(): void {
    for (const { mesh } of this.groups) {
      mesh.removeFromParent();
      mesh.geometry.dispose();
      mesh.dispose();
    }
    this.groups = [];
    this.meshes.length = 0;
  }
}
