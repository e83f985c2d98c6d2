// Records that lie in the page itself, deflated, and are unpacked one by one.
import type { Asked } from "./results";
import type { Source } from "./source";
import type { AnswerList, EpochRecord, InlineData, NetworkSnapshot, RunIndex, RunList, ScalarList } from "./types";

type InlineRun = InlineData["runs"][number];

export class InlineSource implements Source {
  readonly live = false;

  constructor(private readonly data: InlineData) {}

  async runs(): Promise<RunList> {
    const runs = this.data.runs.map((run) => run.info);
    return {
      title: this.data.title,
      runs,
      left_out: 0,
      compute: false,
      engines: this.data.engines,
      poll_seconds: 0,
      push: false,
      control: false,
    };
  }

  async index(run: string): Promise<RunIndex> {
    return this.run(run).index;
  }

  async record(run: string, layer: string, epoch: number): Promise<EpochRecord> {
    return (await unpacked(this.run(run).records[`${layer}/${epoch}`])) as EpochRecord;
  }

  async recordText(run: string, layer: string, epoch: number): Promise<string> {
    return textOf(this.run(run).records[`${layer}/${epoch}`]);
  }

  async network(run: string, epoch: number): Promise<NetworkSnapshot> {
    return (await unpacked(this.run(run).networks[String(epoch)])) as NetworkSnapshot;
  }

  async scalars(run: string): Promise<ScalarList> {
    return this.run(run).scalars;
  }

  async answers(run: string): Promise<AnswerList> {
    return this.run(run).answers;
  }

  async compute(): Promise<Asked> {
    throw new Error("A file cannot compute; use the command line beside it.");
  }

  private run(id: string): InlineRun {
    const found = this.data.runs.find((run) => run.info.id === id);
    if (!found) throw new Error(`There is no run ${id} in this file.`);
    return found;
  }
}

const unpacked = async (packed: string | undefined): Promise<unknown> => JSON.parse(await textOf(packed));

async function textOf(packed: string | undefined): Promise<string> {
  if (packed === undefined) throw new Error("This epoch is not in the file: it holds a selection of a long run.");
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).text();
}
