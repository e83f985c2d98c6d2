// The terms of the field with the words that the report explains them by.
import glossary from "../generated/glossary.json";

export type Term = keyof typeof glossary;

export const termWords = (term: Term): string => glossary[term];

export const isTerm = (name: string): name is Term => Object.hasOwn(glossary, name);
