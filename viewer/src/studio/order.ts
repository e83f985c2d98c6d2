// In which order trainings stand in the list.
import type { JobState } from "../generated/studio";

const RUNNING: readonly string[] = ["running", "paused", "ending"];

export const isRunning = ({ phase }: Pick<JobState, "phase">): boolean => RUNNING.includes(phase);

/** What runs, then what waits, then all else; those of the same kind as they were. */
export function runningFirst<T extends Pick<JobState, "phase">>(jobs: readonly T[]): T[] {
  const rank = (job: T) => (isRunning(job) ? 0 : job.phase === "waiting" ? 1 : 2);
  return [...jobs].sort((a, b) => rank(a) - rank(b));
}
