/**
 * Cuts a text that grows into pieces: some space and a word, at most 12 characters each. The pieces depend on the text alone,
 * and not on how it arrived. So two streams of one text are equal, and a stream can be resumed from the log.
 */
export class TextPieces {
  #text = '';
  #sent = 0;

  /** Adds to the text; returns the pieces that are complete by that. */
  push(text: string): string[] {
    this.#text += text;
    return this.#take(false);
  }

  /** Ends the text; returns its other pieces. `text` is all of it. */
  end(text: string): string[] {
    if (!text.startsWith(this.#text.slice(0, this.#sent))) return []; // what was sent cannot be taken back
    this.#text = text;
    return this.#take(true);
  }

  #take(isEnd: boolean): string[] {
    const pieces: string[] = [];
    for (;;) {
      const piece = nextPiece(this.#text, this.#sent);
      // The text after a piece shows where the piece ends.
      const isComplete = isEnd || this.#sent + piece.length < this.#text.length;
      if (piece === '' || !isComplete) return pieces;
      pieces.push(piece);
      this.#sent += piece.length;
    }
  }
}

function nextPiece(text: string, from: number): string {
  const pattern = /\s{0,12}\S{0,12}/uy;
  pattern.lastIndex = from;
  return pattern.exec(text)?.[0] ?? '';
}
