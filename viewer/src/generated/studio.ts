// Generated from the Python structs by `npm run types`. Do not edit.

export interface Everything {
  Asked?: Asked;
  Choices?: Choices;
  ComparedRuns?: ComparedRuns;
  JobList?: JobList;
  JobText?: JobText;
  Named?: Named;
  OwnRequest?: OwnRequest;
  Problem?: Problem;
}
export interface Asked {
  epochs: number;
  iit: {
    [k: string]: boolean | number | string | unknown[] | {} | null;
  };
  mlflow: string;
  network: Chosen;
  seeds: number[];
  task: Chosen;
}
export interface Chosen {
  name: string;
  values: {
    [k: string]: boolean | number | string | unknown[] | {} | null;
  };
}
export interface Choices {
  allowed: string[];
  at_once: number;
  iit: Form;
  networks: Choice[];
  presets: Preset[];
  root: string;
  servers: string[];
  tasks: Choice[];
}
export interface Form {
  properties: {
    [k: string]: Field;
  };
  required: string[];
  type: "object";
}
export interface Field {
  default: unknown;
  description: string;
  enum: (string | null)[];
  type: ("boolean" | "integer" | "number" | "string") | null;
}
export interface Choice {
  form: Form;
  label: string;
  name: string;
  words: string;
}
export interface Preset {
  asked: Asked;
  title: string;
  words: string;
}
export interface ComparedRuns {
  scales: ComparedScale[];
  words: string;
}
export interface ComparedScale {
  by: string;
  is_statistical: boolean;
  rows: ComparedRow[];
  scale: string;
  words: string;
}
export interface ComparedRow {
  difference: number;
  layer: string;
  one: string;
  other: string;
  p: number | null;
  phi_one: number;
  phi_other: number;
  words: string;
}
export interface JobList {
  jobs: JobState[];
}
export interface JobState {
  accuracy: number | null;
  accuracy_name: string;
  asked: Asked;
  courses: LayerCourse[];
  created: number;
  epoch: number | null;
  epochs: number;
  loss: number | null;
  loss_name: string;
  name: string;
  network: string;
  output: string;
  phase: ("done" | "failed" | "killed" | "stopped") | ("ending" | "paused" | "running" | "waiting");
  reason: string;
  seed: number;
  step: number | null;
  task: string;
  viewable: boolean;
}
export interface LayerCourse {
  epochs: number[];
  formalism: string;
  kind: string;
  layer: string;
  phis: number[];
}
export interface JobText {
  output: string;
  yaml: string;
}
export interface Named {
  names: string[];
}
export interface OwnRequest {
  name: string;
  role: "network" | "task";
}
export interface Problem {
  error: string;
}
