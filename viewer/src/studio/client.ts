// What the studio's page asks its server.
import type { Asked, Choice, Choices, ComparedRuns, JobList, JobText, Named, OwnRequest } from "../generated/studio";

export class Client {
  constructor(
    private readonly base: URL,
    private readonly token: string,
  ) {}

  /** Whether this page has what the server asks for with whatever starts or ends something. */
  get mayStart(): boolean {
    return this.token !== "";
  }

  choices = (): Promise<Choices> => this.get("choices");
  text = (name: string): Promise<JobText> => this.get(`job?name=${encodeURIComponent(name)}`);
  start = (asked: Asked): Promise<Named> => this.post("start", asked);
  stop = (name: string): Promise<Named> => this.post("stop", { names: [name] });
  compare = (names: readonly string[]): Promise<ComparedRuns> => this.post("compare", { names });
  own = (request: OwnRequest): Promise<Choice> => this.post("own", request);

  /** Hears all trainings whenever something has changed; `isTold` says whether the server answers. */
  follow(heard: (list: JobList) => void, isTold: (told: boolean) => void): void {
    const events = new EventSource(new URL("live", this.base));
    events.addEventListener("open", () => isTold(true));
    events.addEventListener("error", () => isTold(false));
    events.addEventListener("jobs", (event) => heard(JSON.parse((event as MessageEvent<string>).data) as JobList));
  }

  private async get<T>(route: string): Promise<T> {
    return answer(await fetch(new URL(route, this.base), { cache: "no-cache" }));
  }

  private async post<T>(route: string, body: object): Promise<T> {
    const headers = { "Content-Type": "application/json", "X-IIT-Token": this.token };
    return answer(await fetch(new URL(route, this.base), { method: "POST", headers, body: JSON.stringify(body) }));
  }
}

async function answer<T>(response: Response): Promise<T> {
  const text = await response.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`The server's answer cannot be read (status ${response.status}).`);
  }
  const error = (value as { error?: unknown } | null)?.error;
  if (!response.ok) throw new Error(typeof error === "string" ? error : `The server answered with status ${response.status}.`);
  return value as T;
}

export const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
