// Answers in the order of their questions: one that comes after that of a later question is too late.

export class Order {
  private asked = 0;
  private taken = 0;

  /** Notes a question; what is returned says whether its answer may be taken, and is called when the answer is there. */
  ask(): () => boolean {
    const mine = ++this.asked;
    return () => {
      if (mine < this.taken) return false;
      this.taken = mine;
      return true;
    };
  }
}
