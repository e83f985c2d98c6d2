// The sentences that belong to a record, beside its chips.
import type { EpochRecord } from "../data/types";

/** What the diagnostics say, and the notes of the record. */
export const notes = (record: EpochRecord): string[] => [
  ...record.diagnostics.map((diagnostic) => diagnostic.words).filter(Boolean),
  ...record.notes,
];
