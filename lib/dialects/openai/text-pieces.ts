/** The text is cut into words up to here. */
const WORDS_UNTIL = 8192;
/** Some space and a word. */
const WORD = /\s{0,12}\S{0,12}/uy;
/** Each piece is an event of its own with some 250 bytes, so that the pieces of a long text are longer. */
const LONG_PIECE = /[^]{0,128}/uy;

/**
 * Cuts a text that grows into pieces: some space and a word, at most 12 characters each, and behind 8192 characters 128 characters
 * each. The pieces depend on the text alone, and not on how it arrived. So two streams of one text are equal, and a stream can be
 * resumed from the log.
 */
export class TextPieces {
  /** The pieces that were returned, together. */
  #sent = '';
  /** The text behind them. */
  #rest = '';

  /** Adds to the text; returns the pieces that are complete by that. */
  push(text: string): string[] {
    this.#rest += text;
    return this.#take(false);
  }

  /** Ends the text; returns its other pieces. `text` is all of it. */
  end(text: string): string[] {
    if (!text.startsWith(this.#sent)) return []; // text that was sent cannot be taken back
    this.#rest = text.slice(this.#sent.length);
    return this.#take(true);
  }

  /** The pieces that are complete; at the end, all. */
  #take(isEnd: boolean): string[] {
    const pieces: string[] = [];
    let taken = 0;
    for (;;) {
      const piece = pieceAt(this.#rest, taken, this.#sent.length < WORDS_UNTIL ? WORD : LONG_PIECE);
      // The text after a piece shows where the piece ends.
      const isComplete = isEnd || taken + piece.length < this.#rest.length;
      if (piece === '' || !isComplete) break;
      pieces.push(piece);
      taken += piece.length;
      this.#sent += piece;
    }
    this.#rest = this.#rest.slice(taken);
    return pieces;
  }
}

/** The piece that begins at a place; empty at the end of the text. */
function pieceAt(text: string, from: number, pattern: RegExp): string {
  pattern.lastIndex = from;
  return pattern.exec(text)?.[0] ?? '';
}
