/** The differences between the kinds of documents in how their schemas are written for a model. */
export interface SchemaDialect {
  /** Makes the keys for the members of one object, which model APIs accept: each name gets one key. */
  memberKeys(): (name: string) => string;
  /** Whether a choice with one member is written as that member. */
  readonly flattensSingleChoice: boolean;
  /** Whether a tuple without a word about further items is closed. */
  readonly closesTuples: boolean;
  /** Whether a title describes where no description stands. */
  readonly titlesDescribe: boolean;
  /** How a model learns that a value is a file: by words in the description, or by the format. */
  readonly marksFilesBy: 'description' | 'format';
  /** The keywords with a text that are kept. */
  readonly textKeywords: readonly string[];
  /** A referenced schema that is longer than this stands once in `$defs`, in bytes. */
  readonly shareOverBytes: number;
  /** Whether a schema that contains itself is written out once before the `$ref`, or is a `$ref` everywhere. */
  readonly writesCyclesOutOnce: boolean;
  /** The warning for a type that JSON Schema does not know; undefined for none. `meant` is the type that is used instead. */
  unknownType(word: string, meant: string | undefined): string | undefined;
}

/** How much detail a schema may have. */
export interface SchemaDetail {
  /** Levels of objects and lists. A deeper object is opaque: it says nothing of its members. */
  readonly depth: number;
  /** Characters of the description of an argument. */
  readonly description: number;
  /** Characters of each description inside an argument. */
  readonly innerDescription: number;
  /** Bytes of one enum. A longer enum is left out. */
  readonly enumBytes: number;
  /** True when only names and types are written: no patterns, limits, formats, defaults and enums. */
  readonly isPlain?: boolean;
}
